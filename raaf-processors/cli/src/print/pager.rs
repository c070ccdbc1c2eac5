//! The pager of long output.

use std::{
    env,
    process::{Child, Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

/// Pager if none is set: it ends by itself if the output fits, shows colours and leaves the screen as it is.
const DEFAULT: &str = "less -FRX";

/// Starts the pager that `RAAF_PAGER` or `PAGER` names. `None` if it is empty or `cat`, or cannot be
/// started.
pub(super) fn start() -> Option<Child> {
    let set = ["RAAF_PAGER", "PAGER"].into_iter().find_map(|name| env::var(name).ok());
    let mut command = command(set.as_deref().unwrap_or(DEFAULT))?;
    // As `less` and `lv` show colours, unless they are set otherwise.
    for (name, value) in [("LESS", "FRX"), ("LV", "-c")] {
        if env::var_os(name).is_none() {
            command.env(name, value);
        }
    }
    let ends_on_interrupt = stay_on_interrupt();
    let child = command.stdin(Stdio::piped()).spawn().ok();
    ends_on_interrupt.store(child.is_none(), Ordering::Relaxed);
    child
}

/// Returns the command, whose arguments are separated by spaces. There is no shell.
fn command(text: &str) -> Option<Command> {
    let mut words = text.split_whitespace();
    let program = words.next().filter(|program| *program != "cat")?;
    let mut command = Command::new(program);
    command.args(words);
    Some(command)
}

/// Leaves Ctrl-C to the pager, which would otherwise lose its terminal to the shell. Returns a flag that
/// ends this.
fn stay_on_interrupt() -> Arc<AtomicBool> {
    let ends = Arc::new(AtomicBool::new(false));
    #[cfg(unix)]
    {
        use signal_hook::{consts::SIGINT, flag};
        let _ = flag::register_conditional_default(SIGINT, Arc::clone(&ends));
    }
    ends
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pager_has_arguments_or_is_none() {
        let shown = |text| command(text).map(|command| format!("{command:?}"));
        assert_eq!(shown(DEFAULT), Some(r#""less" "-FRX""#.to_owned()));
        assert_eq!([shown(""), shown("  "), shown("cat")], [None, None, None]);
    }
}
