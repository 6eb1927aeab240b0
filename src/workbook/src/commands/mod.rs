//! A learner's commands: what each is given, and what it does.

pub(crate) mod args;
pub(crate) mod cluster;
pub(crate) mod doctor;
pub(crate) mod exercise;
pub(crate) mod hosts;
pub(crate) mod report;
pub(crate) mod rootless;
pub(crate) mod run;
pub(crate) mod trace;
