//! A block of names with values, one a line.

use super::{Page, text};

/// Names with values, in order.
#[derive(Debug, Default)]
pub(crate) struct Facts {
    rows: Vec<(String, String)>,
}

// === impl Facts ===

impl Facts {
    /// Adds a line. The value may be foreign text.
    pub(crate) fn add(&mut self, name: &str, value: impl std::fmt::Display) {
        self.rows.push((text::visible(name).into_owned(), text::visible_lines(&value.to_string())));
    }

    /// Adds those that say something.
    pub(crate) fn add_said<const N: usize>(&mut self, said: [(&str, &String); N]) {
        for (name, value) in said.into_iter().filter(|(_, value)| !value.is_empty()) {
            self.add(name, value);
        }
    }

    /// Adds a line that is already painted.
    pub(crate) fn add_painted(&mut self, name: &str, value: String) {
        self.rows.push((name.to_owned(), value));
    }

    /// One line for each fact, values aligned; further lines of a value are indented.
    pub(crate) fn render(&self, page: Page) -> String {
        let widest = self.rows.iter().map(|(name, _)| name.chars().count()).max().unwrap_or(0);
        let indent = format!("\n{}", " ".repeat(widest + 2));
        let lines = self.rows.iter().map(|(name, value)| {
            let padding = " ".repeat(widest - name.chars().count() + 2);
            format!("{}{padding}{}\n", page.bold(name), value.replace('\n', &indent))
        });
        lines.collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_aligned() {
        let mut facts = Facts::default();
        facts.add("fee", "0.1");
        facts.add("balance", "a\nb");
        assert_eq!(facts.render(Page::default()), "fee      0.1\nbalance  a\n         b\n");
    }
}
