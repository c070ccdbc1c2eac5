//! Input of a run.

use crate::conversation::{Message, Part};

/// Input of a run: the text or the parts of a user message, or a conversation to continue.
#[derive(Clone, Debug)]
pub struct Input(pub(super) Vec<Message>);

impl From<&str> for Input {
    fn from(text: &str) -> Self {
        Self(vec![Message::user(text)])
    }
}

impl From<String> for Input {
    fn from(text: String) -> Self {
        Self(vec![Message::user(text)])
    }
}

impl From<&String> for Input {
    fn from(text: &String) -> Self {
        text.as_str().into()
    }
}

impl From<Message> for Input {
    fn from(message: Message) -> Self {
        Self(vec![message])
    }
}

impl<const N: usize> From<[Part; N]> for Input {
    fn from(parts: [Part; N]) -> Self {
        Message::user(parts).into()
    }
}

impl From<Vec<Message>> for Input {
    fn from(messages: Vec<Message>) -> Self {
        Self(messages)
    }
}
