use crate::{Finished, Verdict};

pub fn check(run: &Finished) -> Verdict {
    run.ended_well()?;
    Ok(String::new())
}
