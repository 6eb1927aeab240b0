//! Sandboxes for programs that nobody has looked at.
//!
//! [`SandboxFactory`] finds out how they can be made here, and makes them; a [`Sandbox`] wraps a
//! command. [`enter`] is what runs in the wrapped command: it makes the namespaces, then runs the
//! program.

#[cfg(target_os = "linux")]
mod inside;
mod sandbox;

#[cfg(target_os = "linux")]
pub use inside::enter;
pub use sandbox::{Mechanism, NOT_MADE, SUBCOMMAND, Sandbox, SandboxFactory};

/// Only Linux has namespaces.
#[cfg(not(target_os = "linux"))]
pub fn enter(_spec: &str, _command: &[std::ffi::OsString]) -> i32 {
    NOT_MADE
}
