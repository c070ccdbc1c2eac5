//! Conversations: messages and their parts.

mod checked;
mod hosted;
mod media;
mod message;
mod part;
mod provider_data;
mod reasoning;
mod repair;
pub(crate) mod shown;
mod stored;
mod tool;
mod window;

pub use hosted::{Citation, HostedCall};
pub use media::{Media, MediaSource};
pub use message::{Message, Role};
pub use part::{Content, Part};
pub use provider_data::ProviderData;
pub use reasoning::Reasoning;
#[cfg(feature = "openai")]
pub(crate) use repair::legal_tool_name;
pub(crate) use repair::{
    MAX_TOOL_NAME, Repairs, answer_open_calls, is_legal_tool_name, mend_call_ids, mend_calls,
    repair,
};
pub use tool::{ToolCall, ToolResult};
pub(crate) use window::Window;
pub use window::{BytesPerToken, TokenCounter};
