//! Codes and phrases by which servers report errors.

/// Codes of a used-up quota or credit, which no retry can fix, as [`normal`] returns them.
const QUOTA: &[&str] = &[
    "insufficientquota",
    "exceededcurrentquota",
    "quotaexceeded",
    "usagelimit",
    "insufficientbalance",
    "insufficientcredit",
    "insufficientfunds",
    "creditbalance",
    "billing",
    "paymentrequired",
    "spendlimit",
    "budgetexceeded",
    "accountoverdue",
    "arrearage",
];

/// Phrases about a used-up quota or credit, in lower case.
const QUOTA_MESSAGES: &[&str] = &[
    "insufficient_quota",
    "insufficient quota",
    "exceeded your current quota",
    "insufficient balance",
    "insufficient account balance",
    "balance is insufficient",
    "insufficient credit",
    "insufficient funds",
    "credit balance is too low",
    "not enough credits",
    "out of credits",
    "credit limit",
    "key limit exceeded",
    "available credits",
    "monthly included credits",
    "spending limit",
    "monthly spend",
    "billing hard limit",
    "budget has been exceeded",
    "余额不足",
    "欠费",
];

/// Phrases about a temporary limit, in lower case.
const PASSING: &[&str] = &["per minute", "per second", "retry in", "try again in", "rate limit"];

/// Codes of a conversation that is too long, as [`normal`] returns them.
const OVERFLOW: &[&str] = &[
    "contextlength",
    "contextsize",
    "contextwindow",
    "contextoverflow",
    "prompttoolong",
    "inputtoolong",
];

/// Phrases about a conversation that is too long, in lower case, for servers that send no code.
const OVERFLOW_MESSAGES: &[&str] = &[
    "context_length_exceeded",
    "contextwindowexceedederror",
    "maximum context length",
    "maximum prompt length",
    "maximum model length",
    "model's context length",
    "prompt is too long",
    "prompt too long",
    "input is too long",
    "reduce the length of the messages",
    "total number of tokens in the prompt",
    "`inputs` must have less than",
    "`max_new_tokens` must be <=",
    "range of input length",
    "context length of only",
    "greater than the context length",
    "context overflow",
    "try using shorter or fewer inputs",
];

/// Names of the limit that a conversation can exceed, in lower case.
const EXCEEDED: &[&str] = &[
    "context length",
    "context size",
    "context window",
    "context limit",
    "maximum number of tokens",
    "model token limit",
    "max length",
];

/// Codes of a request that a content filter refused, as [`normal`] returns them.
const FILTERED: &[&str] = &["contentfilter", "responsibleaipolicy", "contentpolicyviolation"];

/// Parts of codes, as [`normal`] returns them, with the statuses that they stand for.
const STATUSES: &[(&str, u16)] = &[
    ("ratelimit", 429),
    ("toomanyrequests", 429),
    ("resourceexhausted", 429),
    ("throttl", 429),
    ("insufficientquota", 429),
    ("usagelimit", 429),
    ("invalidapikey", 401),
    ("unauthorized", 401),
    ("unauthenticated", 401),
    ("authentication", 401),
    ("permission", 403),
    ("contentfilter", 400),
    ("contentpolicyviolation", 400),
    ("invalidrequest", 400),
    ("invalidargument", 400),
    ("badrequest", 400),
    ("invalidprompt", 400),
    ("invalidimage", 400),
    ("contextlengthexceeded", 400),
    ("exceedcontextsize", 400),
    ("notfound", 404),
    ("overloaded", 503),
    ("unavailable", 503),
    ("timeout", 504),
    ("deadlineexceeded", 504),
    ("servererror", 500),
];

/// Returns a word in lower case and without separators: servers write `rate_limit`, `RateLimit` and
/// `RATE-LIMIT`.
pub(super) fn normal(word: &str) -> String {
    let letters = word.chars().filter(|letter| letter.is_alphanumeric());
    letters.flat_map(char::to_lowercase).collect()
}

fn has(text: &str, words: &[&str]) -> bool {
    words.iter().any(|words| text.contains(words))
}

/// Description of an error by a server.
pub(super) struct Words<'a> {
    pub(super) status: u16,
    pub(super) code: &'a str,
    pub(super) kind: &'a str,
    /// The message in lower case.
    pub(super) message: &'a str,
}

impl Words<'_> {
    fn is(&self, words: &[&str]) -> bool {
        has(&normal(self.code), words) || has(&normal(self.kind), words)
    }

    /// Returns whether the conversation is too long.
    pub(super) fn is_overflow(&self) -> bool {
        // Messages about rate limits have numbers of tokens, too.
        let may_say = !matches!(self.status, 401 | 403 | 404 | 429);
        let says = || {
            has(self.message, OVERFLOW_MESSAGES)
                || (self.message.contains("exceed") && has(self.message, EXCEEDED))
        };
        self.is(OVERFLOW) || (may_say && says())
    }

    /// Returns whether a content filter refused the request.
    pub(super) fn is_filtered(&self) -> bool {
        self.is(FILTERED)
    }

    /// Returns whether a quota or credit is used up. `passes` is true if the server names a time to retry.
    pub(super) fn is_quota(&self, passes: bool) -> bool {
        let passes = passes || has(self.message, PASSING);
        self.status == 402 || self.is(QUOTA) || (!passes && has(self.message, QUOTA_MESSAGES))
    }
}

/// Returns the status that an error code stands for.
pub(super) fn status_of(code: &str) -> Option<u16> {
    let code = normal(code);
    STATUSES.iter().find(|(part, _)| code.contains(part)).map(|(_, status)| *status)
}

/// Phrases before the number of tokens of a conversation that is too long, in lower case.
const BEFORE_TOKENS: &[&str] = &[
    "resulted in",
    "you requested",
    "your request has",
    "request contains",
    "prompt contains",
    "request (",
    "prompt is too long",
    "the input (",
    "token count (",
    "prompt (length",
    "given:",
    "requested:",
    "current length is",
];

/// Phrases before the number of tokens that a model accepts, in lower case.
const BEFORE_LIMIT: &[&str] = &[
    "maximum context length",
    "maximum prompt length is",
    "maximum model length of",
    "available context size (",
    "context length (",
    "context length of only",
    "tokens allowed",
    "while limit is",
    "token limit:",
    "cannot exceed",
    "must be <=",
    "must have less than",
    " > ",
];

/// Returns the number of tokens of a conversation that is too long, and the limit, if the message has them.
/// The message is in lower case.
pub(super) fn sizes(message: &str) -> (Option<u64>, Option<u64>) {
    let first =
        |words: &[&str]| words.iter().find_map(|words| number(message.split_once(words)?.1));
    (first(BEFORE_TOKENS), first(BEFORE_LIMIT))
}

/// Returns the number at the start of a text, after at most 11 other characters.
fn number(text: &str) -> Option<u64> {
    let at = text.char_indices().take(12).find(|(_, letter)| letter.is_ascii_digit())?.0;
    let digits =
        text[at..].split(|letter: char| !letter.is_ascii_digit() && letter != ',').next()?;
    digits.replace(',', "").parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(status: u16, message: &str) -> (bool, bool) {
        let message = message.to_lowercase();
        let words = Words { status, code: "", kind: "", message: &message };
        (words.is_overflow(), words.is_quota(false))
    }

    #[test]
    fn a_conversation_that_is_too_long_is_known_by_the_words_of_many_servers() {
        for (message, expected) in [
            (
                "This model's maximum context length is 8,192 tokens. However, your messages resulted in 9001 tokens.",
                (Some(9001), Some(8192)),
            ),
            (
                "This model's maximum context length is 4096 tokens. However, your request has 5000 input tokens.",
                (Some(5000), Some(4096)),
            ),
            (
                "This endpoint's maximum context length is 4096 tokens. However, you requested about 5000 tokens",
                (Some(5000), Some(4096)),
            ),
            ("prompt is too long: 208310 tokens > 200000 maximum", (Some(208_310), Some(200_000))),
            (
                "input length and `max_tokens` exceed context limit: 199211 + 20000 > 200000",
                (None, Some(200_000)),
            ),
            (
                "The input token count (1200000) exceeds the maximum number of tokens allowed (1048576).",
                (Some(1_200_000), Some(1_048_576)),
            ),
            (
                "This model's maximum prompt length is 131072 but the request contains 537812 tokens.",
                (Some(537_812), Some(131_072)),
            ),
            (
                "The decoder prompt (length 5000) is longer than the maximum model length of 4096.",
                (Some(5000), Some(4096)),
            ),
            (
                "The input (5000 tokens) is longer than the model's context length (4096 tokens).",
                (Some(5000), Some(4096)),
            ),
            (
                "Input validation error: `inputs` tokens + `max_new_tokens` must be <= 4096. Given: 5000 `inputs` tokens",
                (Some(5000), Some(4096)),
            ),
            (
                "Invalid request: Your request exceeded model token limit: 8192 (requested: 9000)",
                (Some(9000), Some(8192)),
            ),
            ("Please reduce the length of the messages or completion.", (None, None)),
            ("Your input exceeds the context window of this model.", (None, None)),
            ("the input length exceeds the context length", (None, None)),
            ("litellm.ContextWindowExceededError: no", (None, None)),
            (
                "The prompt is too long: 12345, model maximum context length: 4096",
                (Some(12_345), Some(4096)),
            ),
            (
                "Please reduce the length of the messages or completion. Current length is 9000 while limit is 8192",
                (Some(9000), Some(8192)),
            ),
            (
                "Prompt contains 40000 tokens, too large for model with 32768 maximum context length",
                (Some(40_000), None),
            ),
        ] {
            assert_eq!(words(400, message), (true, false), "{message}");
            assert_eq!(sizes(&message.to_lowercase()), expected, "{message}");
        }
        for message in ["Unknown parameter: 'context_length'.", "max_tokens is too large: 9000"] {
            assert_eq!(words(400, message), (false, false), "{message}");
        }
    }

    #[test]
    fn a_quota_that_is_used_up_is_told_from_a_limit_that_passes() {
        for message in [
            "Your credit balance is too low to access the API.",
            "You exceeded your current quota, please check your plan and billing details.",
            "Insufficient Balance",
            "Your team has either used all available credits or reached its monthly spending limit.",
        ] {
            assert_eq!(words(429, message), (false, true), "{message}");
        }
        for message in [
            "Rate limit reached for tokens per minute (TPM): Limit 6000, Used 5000",
            "You exceeded your current quota. Please retry in 34s.",
            "Request exceeds the context length per minute",
        ] {
            assert_eq!(words(429, message), (false, false), "{message}");
        }
    }
}
