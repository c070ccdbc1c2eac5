//! Mode of the terminal.

/// Mode of the terminal before a line editor changed it.
#[cfg(unix)]
pub(super) struct Mode(Option<nix::sys::termios::Termios>);

#[cfg(unix)]
impl Mode {
    /// Returns the mode of standard input.
    pub(super) fn current() -> Self {
        Self(nix::sys::termios::tcgetattr(std::io::stdin()).ok())
    }

    /// Restores the mode: lines and echo instead of keys, and no marks around what is pasted.
    pub(super) fn restore(&self) {
        use std::io::{self, Write as _};

        use nix::sys::termios::{SetArg, tcsetattr};

        if let Some(mode) = &self.0 {
            // A terminal that is gone needs no mode.
            let _ = tcsetattr(io::stdin(), SetArg::TCSADRAIN, mode);
            let _ = io::stdout().write_all(b"\x1b[?2004l\r\n");
            let _ = io::stdout().flush();
        }
    }
}

/// Mode of a terminal, which is not changed on this platform.
#[cfg(not(unix))]
pub(super) struct Mode;

#[cfg(not(unix))]
impl Mode {
    pub(super) fn current() -> Self {
        Self
    }

    #[allow(clippy::unused_self, reason = "it has a mode on Unix")]
    pub(super) fn restore(&self) {}
}
