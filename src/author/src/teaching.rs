//! What the teacher's guide works out: its page has a block where the book has a table.
//!
//! ````text
//! ```schedule
//! from = "9:00"
//! hours = 4
//! chapters = [1, 2, 3]
//! ```
//! ````
//!
//! | Block | What the book has in its place |
//! |-------|--------------------------------|
//! | `schedule` | when which chapter and exercise begins, from the minutes that they declare |
//! | `course` | the chapters, with their minutes, exercises, talking points and topics |
//! | `verdicts` | how many wrong answers of the gallery get which verdict, and what to ask then |
//! | `wrong-answers` | what learners get wrong in each exercise, from the gallery |

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use anyhow::{Context, Result, bail};
use serde::Deserialize;
use trace::prose::markdown;
use workbook::chapter::Chapter;
use workbook::exercise::{Exercise, verdict::Outcome};

use crate::gallery::gallery;

/// How long a break is, in minutes.
const BREAK: u32 = 15;
/// How long nobody should be kept from one.
pub(crate) const WITHOUT_BREAK: u32 = 90;
/// Lunch, and the time from which on it may begin.
const LUNCH: u32 = 60;
const NOON: u32 = 12 * 60;

/// The page with tables in the place of its blocks.
pub fn to_tables(root: &Path, page: &str) -> Result<String> {
    let mut made = String::new();
    let mut lines = page.lines();
    while let Some(line) = lines.next() {
        let Some(fence) = line.strip_prefix("```") else {
            made.extend([line, "\n"]);
            continue;
        };
        let mut inside = String::new();
        let mut end = "";
        for line in lines.by_ref() {
            if line.trim_end() == "```" {
                end = line;
                break;
            }
            inside.extend([line, "\n"]);
        }
        let block = match fence.trim() {
            "schedule" => Some(schedule(root, &inside)),
            "course" => Some(course(root)),
            "verdicts" => Some(verdicts(root, &inside)),
            "wrong-answers" => Some(wrong_answers(root)),
            _ => None,
        };
        match block {
            Some(table) => {
                made += &table.with_context(|| format!("the block `{}`", fence.trim()))?;
            }
            None => made.extend([line, "\n", &inside, end, "\n"]),
        }
    }
    Ok(made)
}

// --- Schedules -------------------------------------------------------------------------

/// A block `schedule`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Wish {
    /// When each day begins: `9:00`.
    from: String,
    /// How many hours each day has, breaks included.
    hours: u32,
    /// How many days.
    #[serde(default = "one")]
    days: usize,
    /// The chapters, in the order in which they are taught.
    chapters: Vec<usize>,
}

fn one() -> usize {
    1
}

/// Something that has a place in a schedule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// On which day, from 0.
    pub day: usize,
    /// When it begins, in minutes after midnight.
    pub begins: u32,
    /// How long it takes.
    pub minutes: u32,
    /// What it is.
    pub what: What,
}

/// What there is in a schedule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum What {
    /// A chapter, by its number.
    Chapter(usize),
    /// An exercise, by the numbers of its chapter and of itself.
    Exercise(usize, usize),
    /// A break.
    Break,
    /// A longer one.
    Lunch,
}

/// The time there is: each of `days` days begins at `from` (minutes after midnight) and has
/// `minutes`.
#[derive(Clone, Copy, Debug)]
pub struct Time {
    /// When a day begins, in minutes after midnight.
    pub from: u32,
    /// How many minutes a day has, breaks included.
    pub minutes: u32,
    /// How many days there are.
    pub days: usize,
}

/// A schedule of the `chapters`, in their order, each a number and its minutes. The chapters
/// must have room. Of the `exercises` (chapter, number, minutes) as many are taken as have
/// room: the first one of each chapter, then the second ones, and so on. An exercise comes
/// after its chapter.
///
/// # Errors
///
/// If the chapters alone take too long.
pub fn plan(
    time: Time,
    chapters: &[(usize, u32)],
    exercises: &[(usize, usize, u32)],
) -> Result<Vec<Entry>> {
    let order = |taken: &[(usize, usize, u32)]| -> Vec<(What, u32)> {
        let of = |chapter: usize| {
            let mut of: Vec<_> = taken.iter().filter(|it| it.0 == chapter).collect();
            of.sort();
            let of = of.into_iter();
            of.map(|it| (What::Exercise(it.0, it.1), it.2))
                .collect::<Vec<_>>()
        };
        let parts = chapters.iter().map(|(chapter, minutes)| {
            let mut part = vec![(What::Chapter(*chapter), *minutes)];
            part.extend(of(*chapter));
            part
        });
        parts.flatten().collect()
    };
    let mut taken = Vec::new();
    let Some(mut best) = place(time, &order(&taken)) else {
        bail!("the chapters do not fit into the time: leave one out, or give more hours");
    };
    let most = exercises.iter().map(|it| it.1).max().unwrap_or(0);
    for number in 1..=most {
        for (chapter, _) in chapters {
            let next = exercises
                .iter()
                .find(|it| (it.0, it.1) == (*chapter, number));
            let Some(next) = next else { continue };
            taken.push(*next);
            match place(time, &order(&taken)) {
                Some(more) => best = more,
                None => drop(taken.pop()),
            }
        }
    }
    Ok(best)
}

/// Gives each its time, with breaks between; `None` if there is not enough time.
fn place(time: Time, items: &[(What, u32)]) -> Option<Vec<Entry>> {
    let ends = time.from + time.minutes;
    let mut placed: Vec<Entry> = Vec::new();
    let (mut day, mut now, mut since_break) = (0, time.from, 0);
    let mut lunch = false;
    for (what, minutes) in items {
        let pause = if !lunch && now >= NOON && ends >= NOON + 3 * LUNCH {
            Some((What::Lunch, LUNCH))
        } else if since_break > 0 && since_break + minutes > WITHOUT_BREAK {
            Some((What::Break, BREAK))
        } else {
            None
        };
        let pause_minutes = pause.as_ref().map_or(0, |it| it.1);
        if now + pause_minutes + minutes > ends {
            day += 1;
            (now, since_break, lunch) = (time.from, 0, false);
            if day == time.days || now + minutes > ends {
                return None;
            }
        } else if let Some((what, minutes)) = pause {
            lunch |= what == What::Lunch;
            let begins = now;
            placed.push(Entry {
                day,
                begins,
                minutes,
                what,
            });
            now += minutes;
            since_break = 0;
        }
        let (what, minutes, begins) = (what.clone(), *minutes, now);
        placed.push(Entry {
            day,
            begins,
            minutes,
            what,
        });
        now += minutes;
        since_break += minutes;
    }
    Some(placed)
}

fn clock(minutes: u32) -> String {
    format!("{}:{:02}", minutes / 60, minutes % 60)
}

fn schedule(root: &Path, block: &str) -> Result<String> {
    let wish: Wish = toml::from_str(block)?;
    let (hour, minute) = wish.from.split_once(':').context("`from` is as \"9:00\"")?;
    let time = Time {
        from: hour.parse::<u32>()? * 60 + minute.parse::<u32>()?,
        minutes: wish.hours * 60,
        days: wish.days,
    };
    let all = Chapter::all(root)?;
    let mut chapters = Vec::new();
    let mut exercises = Vec::new();
    for number in &wish.chapters {
        let chapter = all.iter().find(|it| it.number == *number);
        let chapter = chapter.with_context(|| format!("there is no chapter {number}"))?;
        chapters.push((chapter, title(chapter)?));
        exercises.extend(Exercise::of(chapter)?);
    }
    let minutes: Vec<_> = chapters
        .iter()
        .map(|it| (it.0.number, it.0.plan.minutes))
        .collect();
    let of_exercises: Vec<_> = exercises
        .iter()
        .map(|it| (it.chapter, it.number, it.plan.minutes))
        .collect();
    let plan = plan(time, &minutes, &of_exercises)?;

    let mut table = "| Time | | Minutes |\n|-----:|-|--------:|\n".to_owned();
    let mut sums: BTreeMap<&str, u32> = BTreeMap::new();
    for (number, entry) in plan.iter().enumerate() {
        if wish.days > 1 && (number == 0 || plan[number - 1].day != entry.day) {
            let _ = writeln!(table, "| | **Day {}** | |", entry.day + 1);
        }
        let (kind, what) = match entry.what {
            What::Chapter(number) => {
                let (chapter, title) = chapters
                    .iter()
                    .find(|it| it.0.number == number)
                    .expect("asked for");
                (
                    "chapters",
                    format!("{number} [{title}]({}/index.md)", room(chapter)),
                )
            }
            What::Exercise(chapter, number) => {
                let it = exercises
                    .iter()
                    .find(|it| (it.chapter, it.number) == (chapter, number))
                    .expect("asked for");
                (
                    "exercises",
                    format!("exercise {it} *{}*", markdown(&it.plan.title)),
                )
            }
            What::Break => ("breaks", "break".to_owned()),
            What::Lunch => ("breaks", "lunch".to_owned()),
        };
        *sums.entry(kind).or_default() += entry.minutes;
        let _ = writeln!(
            table,
            "| {} | {what} | {} |",
            clock(entry.begins),
            entry.minutes
        );
        if plan.get(number + 1).is_none_or(|it| it.day != entry.day) {
            let _ = writeln!(table, "| {} | end | |", clock(entry.begins + entry.minutes));
        }
    }
    let of = |kind: &str| sums.get(kind).copied().unwrap_or(0);
    let _ = writeln!(
        table,
        "\nIn minutes: {} for chapters, {} for exercises, {} for breaks; {} of {} in all.",
        of("chapters"),
        of("exercises"),
        of("breaks"),
        sums.values().sum::<u32>(),
        time.minutes * time.days as u32
    );
    Ok(table)
}

// --- The course ------------------------------------------------------------------------

/// A chapter's folder: `03-distances`.
fn room(chapter: &Chapter) -> String {
    let name = chapter.folder.file_name().unwrap_or_default();
    name.to_string_lossy().into_owned()
}

fn page(chapter: &Chapter) -> Result<String> {
    let file = chapter.folder.join("README.md");
    std::fs::read_to_string(&file)
        .with_context(|| format!("cannot read {}", file.display()))
}

/// What a chapter is called on its page.
fn title(chapter: &Chapter) -> Result<String> {
    let page = page(chapter)?;
    let first = page.lines().next().unwrap_or_default();
    Ok(first.trim_start_matches("# ").to_owned())
}

/// The items of a section's first list.
fn items_of(page: &str, section: &str) -> usize {
    let rest = page
        .split_once(&format!("\n## {section}\n"))
        .map_or("", |it| it.1);
    let rest = rest.split("\n## ").next().unwrap_or_default();
    let list = rest.split("<details").next().unwrap_or_default();
    let is_item = |line: &&str| {
        let mark = line.split(' ').next().unwrap_or_default();
        mark == "-"
            || mark
                .strip_suffix('.')
                .is_some_and(|it| it.parse::<u32>().is_ok())
    };
    list.lines().filter(is_item).count()
}

fn course(root: &Path) -> Result<String> {
    let mut table = "| | Chapter | Minutes | Exercises | Their minutes | Talking points | \
                     Topics |\n|-|-|--:|--:|--:|--:|--:|\n"
        .to_owned();
    let mut sums = [0; 5];
    for chapter in Chapter::all(root)? {
        let text = page(&chapter)?;
        let exercises = Exercise::of(&chapter)?;
        let numbers = [
            chapter.plan.minutes as usize,
            exercises.len(),
            exercises.iter().map(|it| it.plan.minutes as usize).sum(),
            text.matches("<details class=\"talk\">")
                .count()
                .saturating_sub(1),
            items_of(&text, "Topics for discussion"),
        ];
        for (sum, number) in sums.iter_mut().zip(numbers) {
            *sum += number;
        }
        let (number, room) = (chapter.number, room(&chapter));
        let _ = writeln!(
            table,
            "| {number} | [{}]({room}/index.md) {}",
            title(&chapter)?,
            cells(&numbers)
        );
    }
    let _ = writeln!(table, "| | all {}", cells(&sums));
    Ok(table)
}

fn cells(numbers: &[usize]) -> String {
    numbers
        .iter()
        .map(|it| format!("| {it} "))
        .collect::<String>()
        + "|"
}

// --- What learners get wrong -----------------------------------------------------------

fn verdicts(root: &Path, block: &str) -> Result<String> {
    let asks: BTreeMap<String, String> = toml::from_str(block)?;
    let mut counts: BTreeMap<String, (Outcome, usize)> = BTreeMap::new();
    for answer in gallery(root)?.into_values().flatten() {
        let name = serde_json::to_value(answer.verdict)?;
        let name = name.as_str().unwrap_or_default().to_owned();
        if answer.verdict != Outcome::Passes {
            counts.entry(name).or_insert((answer.verdict, 0)).1 += 1;
        }
    }
    let mut table = "| Verdict | Wrong answers | Ask |\n|-|--:|-|\n".to_owned();
    let mut rows: Vec<_> = counts.into_iter().collect();
    rows.sort_by_key(|(_, (_, count))| std::cmp::Reverse(*count));
    for (name, (outcome, count)) in rows {
        let ask = asks.get(&name);
        let ask = ask.with_context(|| format!("it has nothing to ask for `{name}`"))?;
        let _ = writeln!(table, "| {} | {count} | {ask} |", outcome.words());
    }
    Ok(table)
}

fn wrong_answers(root: &Path) -> Result<String> {
    let gallery = gallery(root)?;
    let mut text = String::new();
    for chapter in Chapter::all(root)? {
        let exercises = Exercise::of(&chapter)?;
        if exercises.is_empty() {
            continue;
        }
        let _ = writeln!(text, "### {} {}\n", chapter.number, title(&chapter)?);
        for exercise in exercises {
            let answers = gallery.get(&exercise.to_string());
            let answers: Vec<_> = answers.into_iter().flatten().collect();
            let wrong = answers.iter().filter(|it| it.verdict != Outcome::Passes);
            let _ = writeln!(
                text,
                "<details class=\"talk\">\n<summary>{exercise} {}: {} wrong answers</summary>\n",
                markdown(&exercise.plan.title),
                wrong.clone().count()
            );
            for answer in wrong {
                let verdict = answer.verdict.words();
                let _ = write!(text, "- **{}**: {verdict}.", markdown(&answer.name));
                // `{A}` stands for a line of the answer, which is not here.
                let says = answer.says.iter().filter(|it| !it.contains('{'));
                let says: Vec<String> =
                    says.map(|it| format!("“{}”", quoted(it))).collect();
                if !says.is_empty() {
                    let _ = write!(text, " The check says: {}.", says.join(", "));
                }
                text.push('\n');
            }
            let right = answers.iter().filter(|it| it.verdict == Outcome::Passes);
            let right: Vec<String> = right.map(|it| markdown(&it.name)).collect();
            if !right.is_empty() {
                let _ = writeln!(text, "\nAlso right: {}.", right.join("; "));
            }
            if let Some(hint) = exercise.plan.hints.first() {
                let _ = writeln!(text, "\n**Ask:** {}", hint.trim());
            }
            let _ = writeln!(
                text,
                "\n**In the end:** {}",
                exercise.plan.explanation.trim()
            );
            text += "\n</details>\n\n";
        }
    }
    Ok(text)
}

/// What the checker says, in which backquotes stay as they are.
fn quoted(text: &str) -> String {
    let parts = text
        .split('`')
        .enumerate()
        .map(|(number, part)| match number % 2 {
            0 => markdown(part),
            _ => format!("`{part}`"),
        });
    match text.matches('`').count() % 2 {
        0 => parts.collect(),
        _ => markdown(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: Time = Time {
        from: 9 * 60,
        minutes: 8 * 60,
        days: 1,
    };

    fn exercise(chapter: usize, number: usize) -> (usize, usize, u32) {
        (chapter, number, 20)
    }

    #[test]
    fn a_schedule_has_no_gap_no_overlap_and_pauses() {
        let chapters = [(1, 20), (2, 30), (3, 50), (4, 40), (8, 60)];
        let exercises: Vec<_> = chapters
            .iter()
            .flat_map(|it| (1..=4).map(|number| exercise(it.0, number)))
            .collect();
        let plan = plan(DAY, &chapters, &exercises).unwrap();
        let mut now = DAY.from;
        let mut busy = 0;
        for entry in &plan {
            assert_eq!(entry.begins, now, "{plan:#?}");
            now += entry.minutes;
            busy = match entry.what {
                What::Break | What::Lunch => 0,
                _ => busy + entry.minutes,
            };
            assert!(busy <= WITHOUT_BREAK, "{plan:#?}");
        }
        assert!(
            now <= DAY.from + DAY.minutes && now > DAY.from + DAY.minutes - 40,
            "{now}"
        );
        let lunches = plan.iter().filter(|it| it.what == What::Lunch).count();
        assert_eq!(lunches, 1);
        for (chapter, minutes) in chapters {
            let it = plan
                .iter()
                .find(|it| it.what == What::Chapter(chapter))
                .unwrap();
            assert_eq!(it.minutes, minutes);
        }
        // All first exercises before any fourth one.
        assert!(
            chapters
                .iter()
                .all(|it| plan.iter().any(|e| e.what == What::Exercise(it.0, 1)))
        );
    }

    #[test]
    fn days_follow_each_other_and_too_much_is_refused() {
        let time = Time {
            from: 540,
            minutes: 100,
            days: 2,
        };
        let plan = plan(time, &[(1, 80), (2, 80)], &[exercise(1, 1)]).unwrap();
        let placed: Vec<_> = plan
            .iter()
            .map(|it| (it.day, it.begins, it.minutes))
            .collect();
        assert_eq!(placed, [(0, 540, 80), (1, 540, 80)]);
        assert!(super::plan(time, &[(1, 80), (2, 80), (3, 30)], &[]).is_err());
        assert!(super::plan(time, &[(1, 101)], &[]).is_err());
    }

    #[test]
    fn a_block_becomes_a_table_and_other_listings_stay() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let page = "a\n```console\n$ b\n```\n```schedule\nfrom = \"9:00\"\nhours = 2\n\
                    chapters = [1]\n```\nc\n";
        let made = to_tables(&root, page).unwrap();
        assert!(
            made.starts_with("a\n```console\n$ b\n```\n| Time |"),
            "{made}"
        );
        assert!(made.contains("| 9:00 | 1 [Hello, rank](01-hello-rank/index.md) | 20 |"));
        assert!(made.ends_with("c\n"));
        let wrong = "```schedule\nfrom = \"9:00\"\nhours = 1\nchapters = [1, 2, 3]\n```\n";
        let error = format!("{:#}", to_tables(&root, wrong).unwrap_err());
        assert!(error.contains("do not fit"), "{error}");
    }
}
