//! Parts of a conversation that fit a limit.

use std::{fmt, sync::Arc};

use super::{Message, Part, Role};

/// Counter of tokens. Functions of a text implement it.
pub trait TokenCounter: Send + Sync {
    /// Returns the number of tokens of a text, at least approximately.
    fn count(&self, text: &str) -> usize;
}

impl<F: Fn(&str) -> usize + Send + Sync> TokenCounter for F {
    fn count(&self, text: &str) -> usize {
        self(text)
    }
}

/// Counter that takes a number of bytes as one token: 4 for English text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BytesPerToken(pub usize);

impl TokenCounter for BytesPerToken {
    fn count(&self, text: &str) -> usize {
        text.len().div_ceil(self.0.max(1))
    }
}

/// Limit of a conversation, in messages or tokens.
#[derive(Clone)]
pub(crate) struct Window {
    max: usize,
    /// Without one, messages are counted.
    counter: Option<Arc<dyn TokenCounter>>,
}

impl Window {
    pub(crate) fn of_messages(max: usize) -> Self {
        Self { max, counter: None }
    }

    /// Counts 4 bytes as a token.
    pub(crate) fn of_tokens(max: usize) -> Self {
        Self { max, counter: Some(Arc::new(BytesPerToken(4))) }
    }

    /// Sets the counter, if tokens are counted.
    pub(crate) fn set_counter(&mut self, counter: impl TokenCounter + 'static) {
        if let Some(current) = &mut self.counter {
            *current = Arc::new(counter);
        }
    }

    pub(crate) fn max(&self) -> usize {
        self.max
    }

    /// Returns the part of the limit that a message takes.
    pub(crate) fn weight(&self, message: &Message) -> usize {
        self.counter.as_deref().map_or(1, |counter| weight(message, counter))
    }

    /// Returns whether each message is kept.
    pub(crate) fn kept(&self, messages: &[Message]) -> Vec<bool> {
        let weight = |message: &Message| self.weight(message);
        let mut left = self.max;
        let mut kept: Vec<bool> =
            messages.iter().map(|message| message.role == Role::System).collect();
        // The task is kept: without it, the rest has no purpose for the model.
        if let Some(task) = messages.iter().rposition(|message| message.role == Role::User) {
            left = left.saturating_sub(weight(&messages[task]));
            kept[task] = true;
        }
        // Results are kept with their calls, or not at all.
        let mut turn_end = messages.len();
        let mut is_last_turn = true;
        for at in (0..messages.len()).rev() {
            if messages[at].role == Role::Tool {
                continue;
            }
            let turn = at..turn_end;
            turn_end = at;
            if kept[at] {
                is_last_turn &= messages[at].role == Role::System;
                continue;
            }
            let weight = messages[turn.clone()].iter().map(weight).sum();
            match left.checked_sub(weight) {
                Some(rest) => left = rest,
                None if is_last_turn => left = 0,
                None => break,
            }
            is_last_turn = false;
            kept[turn].fill(true);
        }
        kept
    }
}

/// Number of tokens that an image, audio clip or file counts as. Models differ: an image of usual size takes
/// between a hundred and a few thousand.
const MEDIA_TOKENS: usize = 1_000;

fn weight(message: &Message, counter: &dyn TokenCounter) -> usize {
    message.parts.iter().map(|part| weight_of_part(part, counter)).sum()
}

fn weight_of_part(part: &Part, counter: &dyn TokenCounter) -> usize {
    match part {
        Part::Text(text) | Part::Refusal(text) => counter.count(text),
        Part::Json(json) => counter.count(&json.to_string()),
        Part::Reasoning(reasoning) => counter.count(reasoning.readable()),
        Part::ToolCall(call) => counter.count(&call.name) + counter.count(&call.arguments),
        Part::ToolResult(result) => {
            let media = result.content.iter().filter(|part| is_media(part)).count();
            counter.count(&result.text()) + media * MEDIA_TOKENS
        }
        Part::HostedCall(call) => {
            counter.count(&call.arguments.to_string()) + counter.count(&call.result_text())
        }
        part if is_media(part) => MEDIA_TOKENS,
        _ => 0,
    }
}

fn is_media(part: &Part) -> bool {
    matches!(part, Part::Image(_) | Part::Audio(_) | Part::File(_))
}

impl fmt::Debug for Window {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = if self.counter.is_some() { "tokens" } else { "messages" };
        f.debug_struct("Window").field(what, &self.max).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::conversation::{Media, ToolCall};

    fn conversation() -> Vec<Message> {
        let call = ToolCall::new("a", "search", &json!({}));
        vec![
            Message::system("be kind"),
            Message::user("one"),
            Message::assistant("two"),
            Message::user("three"),
            Message::calls([call.clone()]),
            Message::tool(&call, "four"),
        ]
    }

    /// Returns the indices of the messages that are kept.
    fn sent(window: &Window, messages: &[Message]) -> Vec<usize> {
        let kept = window.kept(messages).into_iter().enumerate();
        kept.filter_map(|(at, kept)| kept.then_some(at)).collect()
    }

    #[test]
    fn calls_are_never_split_from_their_results_and_the_task_is_kept() {
        let messages = conversation();
        for (max, expected) in [
            // The task and the last turn are sent in any case.
            (0, &[0, 3, 4, 5][..]),
            (3, &[0, 3, 4, 5]),
            (4, &[0, 2, 3, 4, 5]),
            (5, &[0, 1, 2, 3, 4, 5]),
        ] {
            assert_eq!(sent(&Window::of_messages(max), &messages), expected, "{max}");
        }
        let call = ToolCall::new("b", "search", &json!({}));
        let mut longer = messages;
        longer.extend([Message::calls([call.clone()]), Message::tool(&call, "five")]);
        let window = Window::of_messages(4);
        assert_eq!(sent(&window, &longer), [0, 3, 6, 7], "a whole turn, or nothing of it");
    }

    #[test]
    fn images_count_in_questions_and_in_results_of_tools() {
        let image = || Part::Image(Media::bytes("image/png", b"abc"));
        let call = ToolCall::new("a", "look", &json!({}));
        let messages = vec![
            Message::user([Part::text("old"), image()]),
            Message::calls([call.clone()]),
            Message::tool(&call, [image()]),
            Message::user("new"),
            Message::assistant("seen"),
        ];
        assert_eq!(sent(&Window::of_tokens(1_500), &messages), [1, 2, 3, 4]);
        assert_eq!(sent(&Window::of_tokens(500), &messages), [3, 4]);
        assert_eq!(sent(&Window::of_tokens(2_500), &messages), [0, 1, 2, 3, 4]);
    }

    #[test]
    fn tokens_are_counted_as_the_counter_says() {
        let messages = vec![Message::user("one two three"), Message::user("four five")];
        let counting = |max| {
            let mut window = Window::of_tokens(max);
            window.set_counter(|text: &str| text.split(' ').count());
            window
        };
        let sent = |max| sent(&counting(max), &messages);
        assert_eq!((sent(5), sent(4)), (vec![0, 1], vec![1]));
        // The last message is sent even if it does not fit.
        assert_eq!(sent(1), [1]);
        assert_eq!(BytesPerToken(4).count("seven b"), 2);
    }
}
