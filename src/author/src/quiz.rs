//! The questions on the pages: the reader predicts, and is told.
//!
//! On a page, a question is a block that reads well as it is:
//!
//! ````text
//! ```quiz
//! Four ranks print. In which order?
//!
//! - [ ] By rank :: Nothing orders them.
//! - [x] In any order
//!   :: Each prints when it gets there.
//! ```
//! ````
//!
//! In the book it is a group of radio buttons. The answer to the one that is chosen is shown
//! by the style sheet, without JavaScript; without the style sheet all of them are. They are
//! regions that a screen reader announces when something appears in them. (An
//! `aria-describedby` would give an answer away before its button is pressed.)

use std::fmt;

/// How a block begins, and how it ends.
const FENCES: (&str, &str) = ("```quiz", "```");

/// A question, with its choices.
#[derive(Debug, Default)]
pub struct Quiz {
    /// In Markdown, as are the texts of the choices.
    pub question: String,
    /// Two or more; one of them is right.
    pub choices: Vec<Choice>,
}

/// One of the things that a reader may expect.
#[derive(Debug, Default)]
pub struct Choice {
    /// What it says.
    pub text: String,
    /// What somebody is told who has chosen it.
    pub answer: String,
    /// Whether it is so.
    pub right: bool,
}

/// What is wrong with a block.
#[derive(Debug, PartialEq)]
pub struct Fault {
    /// The line of the page, from 1.
    pub line: usize,
    /// What is wrong there.
    pub what: String,
}

/// The page with HTML in the place of its questions. `number` is that of the last question of the
/// pages before it: mdBook also makes one page of all.
pub fn to_html(page: &str, number: &mut usize) -> Result<String, Fault> {
    replace(page, &mut |quiz| {
        *number += 1;
        html(&quiz, *number)
    })
}

/// All questions of a page.
pub fn all(page: &str) -> Result<Vec<Quiz>, Fault> {
    let mut all = Vec::new();
    replace(page, &mut |quiz| {
        all.push(quiz);
        String::new()
    })?;
    Ok(all)
}

fn replace(page: &str, by: &mut impl FnMut(Quiz) -> String) -> Result<String, Fault> {
    let mut replaced = String::new();
    let mut lines = page.lines().enumerate();
    while let Some((start, line)) = lines.next() {
        let is_quiz = line.trim_end() == FENCES.0;
        if !is_quiz {
            replaced.extend([line, "\n"]);
        }
        if !line.starts_with("```") {
            continue;
        }
        let mut block = Vec::new();
        let closed = lines.by_ref().any(|(number, line)| {
            block.push((number + 1, line));
            line.trim_end() == FENCES.1
        });
        if !is_quiz {
            // Another listing, whatever is in it.
            replaced.extend(block.into_iter().flat_map(|(_, line)| [line, "\n"]));
            continue;
        }
        if !closed {
            let what = "the block has no end".to_owned();
            return Err(Fault {
                line: start + 1,
                what,
            });
        }
        block.pop();
        replaced.push_str(&by(read(start + 1, &block)?));
    }
    Ok(replaced)
}

/// Reads the lines of a block, which begins at line `start` of its page.
fn read(start: usize, block: &[(usize, &str)]) -> Result<Quiz, Fault> {
    let fault = |line, what: &str| {
        let what = what.to_owned();
        Err(Fault { line, what })
    };
    let mut quiz = Quiz::default();
    let mut texts: Vec<(usize, bool, String)> = Vec::new();
    for (number, line) in block {
        let begun = ["- [ ] ", "- [x] "].iter().find_map(|mark| {
            let text = line.strip_prefix(mark)?;
            Some((*number, mark.contains('x'), text.trim().to_owned()))
        });
        if let Some(choice) = begun {
            texts.push(choice);
        } else if line.starts_with("- ") {
            return fault(*number, "a choice begins with `- [ ] ` or `- [x] `");
        } else {
            // The line before goes on.
            let whole = texts.last_mut().map_or(&mut quiz.question, |it| &mut it.2);
            if !whole.is_empty() {
                whole.push(' ');
            }
            whole.push_str(line.trim());
        }
    }
    quiz.question.truncate(quiz.question.trim_end().len());
    if quiz.question.is_empty() {
        return fault(start, "there is no question");
    }
    if texts.len() < 2 {
        return fault(start, "there are fewer than two choices");
    }
    for (number, right, text) in texts {
        let (text, answer) = text.split_once(" :: ").unwrap_or((&text, ""));
        if text.trim().is_empty() || answer.trim().is_empty() {
            return fault(number, "the choice has no answer: `- [ ] choice :: answer`");
        }
        if right && quiz.choices.iter().any(|it| it.right) {
            return fault(number, "a second choice is marked as right");
        }
        quiz.choices.push(Choice {
            text: text.trim().to_owned(),
            answer: answer.trim().to_owned(),
            right,
        });
    }
    if !quiz.choices.iter().any(|it| it.right) {
        return fault(start, "no choice is marked as right: `- [x] `");
    }
    Ok(quiz)
}

/// The HTML of question `number`. The texts in it are still Markdown: each line
/// that holds one is a paragraph of its own.
fn html(quiz: &Quiz, number: usize) -> String {
    let id = format!("quiz-{number}");
    let mut html = format!(
        "<fieldset class=\"quiz\" id=\"{id}\" aria-labelledby=\"{id}-legend {id}-question\">\n\
         <legend id=\"{id}-legend\">Predict</legend>\n\n\
         <span id=\"{id}-question\">{}</span>\n\n",
        quiz.question
    );
    for (letter, choice) in ('a'..).zip(&quiz.choices) {
        let (kind, verdict) = match choice.right {
            true => ("is-right", "✓ Right."),
            false => ("is-wrong", "✗ No."),
        };
        html += &format!(
            "<input type=\"radio\" name=\"{id}\" id=\"{id}-{letter}\"> \
             <label for=\"{id}-{letter}\">{}</label> \
             <span role=\"status\"><span class=\"answer {kind}\">\
             <strong>{verdict}</strong> {}</span></span>\n\n",
            choice.text, choice.answer
        );
    }
    html + "</fieldset>\n"
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "line {}: {}", self.line, self.what)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: &str = "# Page\n\n```quiz\nWhat\ncomes?\n\n- [ ] `a` :: It\n  is not.\n- [x] b::c\n  :: It is.\n```\n\n```rust\n- [ ] x\n```\n";

    #[test]
    fn a_block_becomes_radio_buttons() {
        let quiz = all(PAGE).unwrap().remove(0);
        assert_eq!(quiz.question, "What comes?");
        let choices = quiz.choices.iter();
        let choices: Vec<_> = choices
            .map(|it| (it.text.as_str(), it.answer.as_str(), it.right))
            .collect();
        assert_eq!(
            choices,
            [("`a`", "It is not.", false), ("b::c", "It is.", true)]
        );
        let html = to_html(PAGE, &mut 0).unwrap();
        assert!(html.starts_with("# Page\n\n<fieldset"), "{html}");
        assert!(
            html.ends_with("</fieldset>\n\n```rust\n- [ ] x\n```\n"),
            "{html}"
        );
        assert_eq!(html.matches("type=\"radio\" name=\"quiz-1\"").count(), 2);
    }

    #[test]
    fn a_faulty_block_is_refused_with_its_line() {
        for (old, new, line, what) in [
            ("[x]", "[ ]", 3, "no choice is marked as right"),
            ("- [ ] `a`", "- [x] `a`", 9, "a second choice"),
            ("\n  :: It is.", "", 9, "the choice has no answer"),
            (":: It\n  is not.", "::", 7, "the choice has no answer"),
            ("What\ncomes?\n", "", 3, "there is no question"),
            ("- [ ] `a` :: It\n  is not.\n", "", 3, "fewer than two"),
            ("- [ ]", "- []", 7, "a choice begins with"),
        ] {
            let page = PAGE.replacen(old, new, 1);
            let fault = to_html(&page, &mut 0).unwrap_err();
            assert!(fault.what.contains(what), "{fault} in {page}");
            assert_eq!(fault.line, line, "{fault} in {page}");
        }
        let page = PAGE.split("```\n").next().unwrap();
        assert_eq!(
            to_html(page, &mut 0).unwrap_err().what,
            "the block has no end"
        );
    }
}
