//! Repair of conversations in which calls and results do not match.

use std::{borrow::Cow, collections::HashSet, ops::AddAssign};

use super::{Message, Part, Role, ToolCall, ToolResult};

/// The result of a call that has none.
const NOT_RUN: &str = "The tool was not run, or its result was lost.";

/// Repairs that [`repair`] made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Repairs {
    /// Number of calls that got a result.
    pub(crate) calls_answered: usize,
    /// Number of results that were removed, because no call precedes them.
    pub(crate) results_removed: usize,
    /// Number of results that were moved behind their call.
    pub(crate) results_moved: usize,
}

impl AddAssign for Repairs {
    fn add_assign(&mut self, other: Self) {
        self.calls_answered += other.calls_answered;
        self.results_removed += other.results_removed;
        self.results_moved += other.results_moved;
    }
}

impl Repairs {
    /// Returns whether anything was repaired.
    pub(crate) fn any(self) -> bool {
        self != Self::default()
    }
}

/// Makes a conversation valid: behind each message with calls are the results of exactly these calls.
/// Servers reject other conversations.
pub(crate) fn repair(messages: &mut Vec<Message>) -> Repairs {
    let mut repairs = Repairs::default();
    if is_valid(messages) {
        return repairs;
    }
    let mut whole: Vec<Message> = Vec::with_capacity(messages.len());
    let mut rest: Vec<Option<Message>> = messages.drain(..).map(Some).collect();
    for at in 0..rest.len() {
        let Some(mut message) = rest[at].take() else { continue };
        if message.role == Role::Tool {
            repairs.results_removed += message.tool_results().count();
            continue;
        }
        let calls = rename_equal_calls(&mut message);
        whole.push(message);
        let next = at
            + 1
            + rest[at + 1..].iter().take_while(|message| is_result(message.as_ref())).count();
        for (call, id) in calls {
            // Some servers count calls from 0 in each response: a result is not that of an earlier call.
            let is_later_call = |message: &Option<Message>| {
                let mut calls = message.iter().flat_map(Message::tool_calls);
                calls.any(|call| call.id == id)
            };
            let end = rest[at + 1..].iter().position(is_later_call);
            let found = (at + 1..end.map_or(rest.len(), |end| at + 1 + end)).find_map(|from| {
                let message = rest[from].as_mut()?;
                let mut result = take_result(message, &id)?;
                result.call_id.clone_from(&call.id);
                if message.parts.is_empty() {
                    rest[from] = None;
                }
                Some((from, result))
            });
            let Some((from, result)) = found else {
                repairs.calls_answered += 1;
                whole.push(Message::tool_error(&call, NOT_RUN));
                continue;
            };
            repairs.results_moved += usize::from(from >= next);
            whole.push(result.into());
        }
    }
    *messages = whole;
    repairs
}

/// Gives new ids to calls that have none, or share one with another call of the message. Returns the
/// calls with their old ids, by which their results are found.
fn rename_equal_calls(message: &mut Message) -> Vec<(ToolCall, String)> {
    let mut seen = HashSet::new();
    let mut calls = Vec::new();
    for part in &mut message.parts {
        let Part::ToolCall(call) = part else { continue };
        let id = call.id.clone();
        if id.is_empty() || !seen.insert(id.clone()) {
            call.id = ToolCall::new_id();
        }
        calls.push((call.clone(), id));
    }
    calls
}

fn is_result(message: Option<&Message>) -> bool {
    message.is_none_or(|message| message.role == Role::Tool)
}

fn take_result(message: &mut Message, call_id: &str) -> Option<ToolResult> {
    if message.role != Role::Tool {
        return None;
    }
    let of_call =
        |part: &Part| matches!(part, Part::ToolResult(result) if result.call_id == call_id);
    let at = message.parts.iter().position(of_call)?;
    match message.parts.remove(at) {
        Part::ToolResult(result) => Some(result),
        _ => None,
    }
}

/// Repairs the calls of a model's message before it becomes part of a conversation, which servers would
/// otherwise reject from then on, and returns the calls as the model made them.
///
/// Arguments that are not an object become an empty one, characters that names cannot have become
/// `_`, and ids that are missing or equal become new ones, also in the returned calls.
pub(crate) fn mend_calls(message: &mut Message) -> Vec<ToolCall> {
    mend_call_ids(message);
    let mut calls = Vec::new();
    for part in &mut message.parts {
        let Part::ToolCall(call) = part else { continue };
        calls.push(call.clone());
        if !call.is_complete() {
            "{}".clone_into(&mut call.arguments);
        }
        if let Cow::Owned(name) = legal_tool_name(&call.name) {
            call.name = name;
        }
    }
    calls
}

/// Gives new ids to the calls of a model's message whose ids are missing or equal.
pub(crate) fn mend_call_ids(message: &mut Message) {
    let has_several = message.tool_calls().nth(1).is_some();
    let mut seen = HashSet::new();
    for part in &mut message.parts {
        let Part::ToolCall(call) = part else { continue };
        if call.id.is_empty() || (has_several && !seen.insert(call.id.clone())) {
            call.id = ToolCall::new_id();
        }
    }
}

/// Longest name of a tool that most servers accept, in bytes.
pub(crate) const MAX_TOOL_NAME: usize = 64;

fn is_legal_in_name(letter: char) -> bool {
    letter.is_ascii_alphanumeric() || matches!(letter, '_' | '-')
}

/// Returns whether servers accept a tool with this name.
pub(crate) fn is_legal_tool_name(name: &str) -> bool {
    (1..=MAX_TOOL_NAME).contains(&name.len()) && name.chars().all(is_legal_in_name)
}

/// Returns the name of a tool with `_` in place of characters that servers reject, cut to the maximum
/// length.
pub(crate) fn legal_tool_name(name: &str) -> Cow<'_, str> {
    if is_legal_tool_name(name) {
        return name.into();
    }
    let letters = name.chars().map(|letter| if is_legal_in_name(letter) { letter } else { '_' });
    let name: String = letters.take(MAX_TOOL_NAME).collect();
    if name.is_empty() { "_".into() } else { name.into() }
}

/// Answers the calls of the last message with calls that have no result, in the order of the calls. The
/// model receives `reason` as their result.
pub(crate) fn answer_open_calls(messages: &mut Vec<Message>, reason: &str) {
    let Some(at) = messages.iter().rposition(|message| message.role != Role::Tool) else { return };
    let results = messages[at + 1..].iter().flat_map(Message::tool_results);
    if messages[at].tool_calls().map(|call| &call.id).eq(results.map(|result| &result.call_id)) {
        return;
    }
    let calls: Vec<ToolCall> = messages[at].tool_calls().cloned().collect();
    let mut results: Vec<ToolResult> = Vec::with_capacity(calls.len());
    for message in messages.drain(at + 1..) {
        results.extend(message.tool_results().cloned());
    }
    for call in &calls {
        let known = results.iter().position(|result| result.call_id == call.id);
        messages.push(match known {
            Some(known) => results.swap_remove(known).into(),
            None => Message::tool_error(call, reason),
        });
    }
}

fn is_valid(messages: &[Message]) -> bool {
    let mut open: HashSet<&str> = HashSet::new();
    for message in messages {
        if message.role == Role::Tool {
            for result in message.tool_results() {
                if !open.remove(result.call_id.as_str()) {
                    return false;
                }
            }
            continue;
        }
        if !open.is_empty() {
            return false;
        }
        for call in message.tool_calls() {
            if call.id.is_empty() || !open.insert(&call.id) {
                return false;
            }
        }
    }
    open.is_empty()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn call(id: &str) -> ToolCall {
        ToolCall::new(id, "search", &json!({}))
    }

    fn repaired(mut messages: Vec<Message>) -> (Vec<Message>, Repairs) {
        let repairs = repair(&mut messages);
        assert!(is_valid(&messages), "{messages:?}");
        (messages, repairs)
    }

    #[test]
    fn a_valid_conversation_stays() {
        let (a, b) = (call("a"), call("b"));
        let messages = vec![
            Message::user("hi"),
            Message::calls([a.clone(), b.clone()]),
            Message::tool(&b, "2"),
            Message::tool(&a, "1"),
            Message::assistant("done"),
            Message::user("more"),
        ];
        assert_eq!(repaired(messages.clone()), (messages, Repairs::default()));
    }

    #[test]
    fn a_call_without_a_result_gets_one() {
        let (a, b) = (call("a"), call("b"));
        let messages = vec![
            Message::user("hi"),
            Message::calls([a.clone(), b.clone()]),
            Message::tool(&b, "2"),
            Message::user("go on"),
        ];
        let (messages, repairs) = repaired(messages);
        assert_eq!(repairs, Repairs { calls_answered: 1, ..Repairs::default() });
        let expected = [
            Message::user("hi"),
            Message::calls([a.clone(), b.clone()]),
            Message::tool_error(&a, NOT_RUN),
            Message::tool(&b, "2"),
            Message::user("go on"),
        ];
        assert_eq!(messages, expected);
    }

    #[test]
    fn a_result_without_a_call_is_removed() {
        let messages = vec![Message::tool(&call("lost"), "1"), Message::user("go on")];
        let (messages, repairs) = repaired(messages);
        assert_eq!(repairs, Repairs { results_removed: 1, ..Repairs::default() });
        assert_eq!(messages, [Message::user("go on")]);
    }

    #[test]
    fn a_late_result_is_moved_behind_its_call() {
        let a = call("a");
        let messages =
            vec![Message::calls([a.clone()]), Message::user("wait"), Message::tool(&a, "1")];
        let (messages, repairs) = repaired(messages);
        assert_eq!(repairs, Repairs { results_moved: 1, ..Repairs::default() });
        let expected = [Message::calls([a.clone()]), Message::tool(&a, "1"), Message::user("wait")];
        assert_eq!(messages, expected);
    }

    #[test]
    fn equal_ids_in_one_turn_become_different() {
        for id in ["a", ""] {
            let a = call(id);
            let messages = vec![
                Message::calls([a.clone(), a.clone(), a.clone()]),
                Message::tool(&a, "1"),
                Message::tool(&a, "2"),
            ];
            let (messages, repairs) = repaired(messages);
            assert_eq!(repairs.calls_answered, 1);
            let texts: Vec<_> = messages[1..].iter().map(Message::text).collect();
            assert_eq!(texts, ["1", "2", NOT_RUN]);
        }
    }

    #[test]
    fn equal_ids_in_two_turns_are_two_calls() {
        let a = call("call_0");
        let messages = vec![
            Message::calls([a.clone()]),
            Message::tool(&a, "1"),
            Message::calls([a.clone()]),
            Message::tool(&a, "2"),
        ];
        assert_eq!(repaired(messages.clone()), (messages, Repairs::default()));
    }

    #[test]
    fn a_lost_result_is_not_replaced_by_that_of_a_later_call_of_the_same_id() {
        let a = call("call_0");
        let messages = vec![
            Message::calls([a.clone()]),
            Message::user("go on"),
            Message::calls([a.clone()]),
            Message::tool(&a, "2"),
        ];
        let (messages, repairs) = repaired(messages);
        assert_eq!(repairs, Repairs { calls_answered: 1, ..Repairs::default() });
        let texts: Vec<_> = messages.iter().map(Message::text).collect();
        assert_eq!(texts, ["", NOT_RUN, "go on", "", "2"]);
    }

    #[test]
    fn calls_are_mended_before_they_go_back() {
        let arguments = ["{\"a\":", "[1]", "null", "", "{\"a\":1}"];
        let calls = arguments.map(|text| ToolCall::from_text("x", "get weather!", text));
        let mut message = Message::calls(calls);
        let asked = mend_calls(&mut message);
        assert_eq!(asked.iter().map(|call| &*call.arguments).collect::<Vec<_>>(), arguments);
        assert!(asked.iter().all(|call| call.name == "get weather!"));
        let mended: Vec<_> = message.tool_calls().collect();
        let sent: Vec<_> = mended.iter().map(|call| &*call.arguments).collect();
        assert_eq!(sent, ["{}", "{}", "null", "{}", "{\"a\":1}"]);
        assert!(mended.iter().all(|call| call.name == "get_weather_"));
        let ids: HashSet<_> = mended.iter().map(|call| &call.id).collect();
        assert_eq!(ids.len(), 5);
        assert!(asked.iter().zip(mended).all(|(asked, mended)| asked.id == mended.id));
    }

    #[test]
    fn open_calls_are_answered_with_the_reason() {
        let (a, b) = (call("a"), call("b"));
        let mut messages = vec![Message::calls([a.clone(), b.clone()]), Message::tool(&b, "2")];
        answer_open_calls(&mut messages, "cancelled");
        let expected = [
            Message::calls([a.clone(), b.clone()]),
            Message::tool_error(&a, "cancelled"),
            Message::tool(&b, "2"),
        ];
        assert_eq!(messages, expected);
        let mut finished = vec![Message::user("hi"), Message::assistant("yes")];
        answer_open_calls(&mut finished, "cancelled");
        assert_eq!(finished.len(), 2);
    }
}
