//! An error together with what caused it, in one line.
//!
//! Error types keep their causes and do not repeat them in their own words; whoever writes for
//! people puts them together here.

use std::error::Error;

/// The words of `error` and of each of its causes, unless a cause's are there already.
pub(crate) fn with_causes(error: &(dyn Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let words = error.to_string();
        if !text.contains(&words) {
            text.push_str(": ");
            text.push_str(&words);
        }
        cause = error.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;

    #[derive(Debug, thiserror::Error)]
    enum Outer {
        #[error("cannot open the store")]
        Kept(#[source] io::Error),
        #[error("cannot open the store: {0}")]
        Repeated(#[source] io::Error),
    }

    #[test]
    fn each_cause_is_told_once() {
        let want = "cannot open the store: no disk";
        assert_eq!(with_causes(&Outer::Kept(io::Error::other("no disk"))), want);
        assert_eq!(with_causes(&Outer::Repeated(io::Error::other("no disk"))), want);
    }
}
