//! The book in a real browser: every page, wide and narrow, light and dark.
//!
//! Needs Chromium (`apt-get install chromium`), or the path of a browser of its family in
//! `CHROME`. It is driven by its own protocol, JSON messages over a pipe:
//! <https://chromedevtools.github.io/devtools-protocol/>.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::LazyLock;
use std::sync::mpsc::{self, Receiver};
use std::time::{Duration, Instant};

use author::book;
use launch::on_path;
use serde_json::{Value, json};

const PATIENCE: Duration = Duration::from_secs(30);
const PHONE: (u32, u32) = (390, 844);
const DESKTOP: (u32, u32) = (1280, 900);

// --- The browser -----------------------------------------------------------------------

/// Without a window, and asking nobody in the network for anything. (Its sandbox does not run as
/// root, nor where there are no user namespaces. The pages are our own.)
const OPTIONS: [&str; 12] = [
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-extensions",
    "--disable-breakpad",
    "--disable-quic",
    "--no-first-run",
    "--no-default-browser-check",
];

/// What `CHROME` names, or a browser of one of the usual names.
fn chromium() -> PathBuf {
    let named = std::env::var_os("CHROME").filter(|it| !it.is_empty());
    let usual = ["chromium", "chromium-browser", "google-chrome"];
    named
        .map(PathBuf::from)
        .or_else(|| usual.into_iter().find_map(on_path))
        .expect("no browser: apt-get install chromium, or name one in the variable CHROME")
}

/// A browser with one tab, and with a profile of its own. Ends with this value.
struct Browser {
    process: Child,
    commands: ChildStdin,
    messages: Receiver<Value>,
    events: Vec<Value>,
    session: Option<String>,
    /// Whether the pages' scripts are run.
    scripts: bool,
    sent: u64,
    profile: tempfile::TempDir,
}

impl Browser {
    fn start() -> Browser {
        let profile = tempfile::tempdir().unwrap();
        // The browser reads commands from file descriptor 3, and answers on 4.
        let mut process = Command::new("sh")
            .args(["-c", r#"exec "$0" "$@" 3<&0 4>&1 </dev/null >/dev/null"#])
            .arg(chromium())
            .args(OPTIONS)
            .args(["--remote-debugging-pipe", "--hide-scrollbars"])
            .arg(format!("--user-data-dir={}", profile.path().display()))
            .arg("about:blank")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn()
            .unwrap();
        let commands = process.stdin.take().unwrap();
        let answers = process.stdout.take().unwrap();
        let (sender, messages) = mpsc::channel();
        std::thread::spawn(move || {
            for message in BufReader::new(answers).split(0) {
                let Ok(message) = message.map(|it| serde_json::from_slice(&it)) else {
                    return;
                };
                if sender.send(message.unwrap()).is_err() {
                    return;
                }
            }
        });
        let mut browser = Browser {
            process,
            commands,
            messages,
            events: Vec::new(),
            session: None,
            scripts: true,
            sent: 0,
            profile,
        };
        let tab = browser.call("Target.createTarget", json!({ "url": "about:blank" }));
        let tab = json!({ "targetId": tab["targetId"], "flatten": true });
        let session = browser.call("Target.attachToTarget", tab);
        browser.session = Some(session["sessionId"].as_str().unwrap().to_owned());
        for domain in ["Page", "Runtime", "Log", "Network"] {
            browser.call(&format!("{domain}.enable"), json!({}));
        }
        browser
    }

    fn next(&mut self) -> Value {
        let message = self.messages.recv_timeout(PATIENCE);
        message.expect("the browser did not start, has ended, or does not answer")
    }

    /// Sends a command, waits for its answer, and keeps the events that come before it.
    #[track_caller]
    fn call(&mut self, method: &str, parameters: Value) -> Value {
        self.sent += 1;
        let mut message =
            json!({ "id": self.sent, "method": method, "params": parameters });
        if let Some(session) = &self.session {
            message["sessionId"] = json!(session);
        }
        // If it has ended, waiting for its answer says so.
        let _ = self.commands.write_all(format!("{message}\0").as_bytes());
        loop {
            let mut answer = self.next();
            if answer["id"] == json!(self.sent) {
                assert!(answer["error"].is_null(), "{method}: {}", answer["error"]);
                return answer["result"].take();
            }
            self.events.push(answer);
        }
    }

    /// The value of an expression in the page's JavaScript; a promise is waited for.
    #[track_caller]
    fn evaluate(&mut self, expression: &str) -> Value {
        let parameters = json!({
            "expression": expression, "awaitPromise": true, "returnByValue": true,
        });
        let mut answer = self.call("Runtime.evaluate", parameters);
        let thrown = &answer["exceptionDetails"];
        assert!(thrown.is_null(), "{expression}: {thrown}");
        answer["result"]["value"].take()
    }

    /// Waits until an expression is true.
    #[track_caller]
    fn wait_until(&mut self, expression: &str) {
        let started = Instant::now();
        while self.evaluate(expression) != json!(true) {
            assert!(started.elapsed() < PATIENCE, "never true: {expression}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Opens a page in a window of this size, in the scheme `light` or `dark`.
    fn open(&mut self, page: &str, (width, height): (u32, u32), scheme: &str) {
        let metrics = json!({
            "width": width, "height": height, "deviceScaleFactor": 1, "mobile": false,
        });
        self.call("Emulation.setDeviceMetricsOverride", metrics);
        let features = json!([{ "name": "prefers-color-scheme", "value": scheme }]);
        self.call(
            "Emulation.setEmulatedMedia",
            json!({ "features": features }),
        );
        self.events.clear();
        self.call("Page.navigate", json!({ "url": page }));
        while !self
            .events
            .iter()
            .any(|it| it["method"] == "Page.loadEventFired")
        {
            let event = self.next();
            self.events.push(event);
        }
        if !self.scripts {
            return;
        }
        // What scripts do after loading, too.
        self.evaluate(
            "document.fonts.ready.then(() => new Promise(done => \
             requestAnimationFrame(() => requestAnimationFrame(() => done(1)))))",
        );
    }

    /// Presses a key; `text` is what it types, if anything.
    fn press(&mut self, key: &str, code: &str, number: u32, text: &str) {
        let mut event = json!({
            "type": if text.is_empty() { "rawKeyDown" } else { "keyDown" },
            "key": key, "code": code, "windowsVirtualKeyCode": number, "text": text,
        });
        self.call("Input.dispatchKeyEvent", event.clone());
        event["type"] = json!("keyUp");
        self.call("Input.dispatchKeyEvent", event);
    }

    /// What is wrong with the page that was opened last.
    fn faults(&mut self) -> Vec<String> {
        let mut faults = Vec::new();
        let in_page: Vec<String> =
            serde_json::from_value(self.evaluate(LOOK)).expect("a list of faults");
        faults.extend(in_page);
        for event in &self.events {
            let about = &event["params"];
            match event["method"].as_str().unwrap_or_default() {
                "Runtime.consoleAPICalled" if about["type"] == "error" => {
                    faults.push(format!("console error: {}", about["args"]));
                }
                "Runtime.exceptionThrown" => {
                    faults.push(format!("exception: {}", about["exceptionDetails"]));
                }
                "Log.entryAdded" if about["entry"]["level"] == "error" => {
                    faults.push(format!("logged: {}", about["entry"]));
                }
                "Network.requestWillBeSent" => {
                    let target = about["request"]["url"].as_str().unwrap_or_default();
                    if !["file:", "data:", "blob:"]
                        .iter()
                        .any(|it| target.starts_with(it))
                    {
                        faults.push(format!("request to another host: {target}"));
                    }
                }
                _ => {}
            }
        }
        faults
    }

    /// Takes a picture of the whole page.
    fn picture(&mut self, file: &Path) {
        let [width, height] = ["Width", "Height"].map(|it| {
            let extent = self.evaluate(&format!("document.documentElement.scroll{it}"));
            extent.as_u64().unwrap()
        });
        let clip = json!({ "x": 0, "y": 0, "width": width, "height": height, "scale": 1 });
        let whole = json!({ "format": "png", "captureBeyondViewport": true, "clip": clip });
        let picture = self.call("Page.captureScreenshot", whole);
        fs::write(file, base64(picture["data"].as_str().unwrap())).unwrap();
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // Asked to close, it takes its helpers along; the group is for those that stay.
        let _ = self
            .commands
            .write_all(b"{\"id\":0,\"method\":\"Browser.close\"}\0");
        let started = Instant::now();
        while self.process.try_wait().is_ok_and(|it| it.is_none()) {
            if started.elapsed() > Duration::from_secs(5) {
                break;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        let group = format!("kill -KILL -- -{} 2>/dev/null", self.process.id());
        let _ = Command::new("sh").args(["-c", &group]).status();
        let _ = self.process.wait();
    }
}

/// Decodes base64, in which the browser hands over pictures.
fn base64(text: &str) -> Vec<u8> {
    let alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let digits = text
        .bytes()
        .filter_map(|it| alphabet.iter().position(|its| *its == it));
    let digits: Vec<u32> = digits.map(|it| it as u32).collect();
    let mut bytes = Vec::new();
    for group in digits.chunks(4) {
        let bits = group.iter().fold(0, |bits, digit| bits << 6 | digit);
        let bits = bits << (6 * (4 - group.len()));
        bytes.extend_from_slice(&bits.to_be_bytes()[1..group.len()]);
    }
    bytes
}

/// Looks at a page from inside: pictures, widths, contrasts. A list of faults.
const LOOK: &str = r#"(() => {
const faults = [];
const name = it => `<${it.tagName.toLowerCase()}> "${it.textContent.trim().slice(0, 40)}"`;

for (const image of document.images)
    if (!image.complete || image.naturalWidth === 0) faults.push(`broken image: ${image.src}`);

// The page must not be wider than the window, nor anything in it that does not scroll.
const wide = document.documentElement.scrollWidth;
if (wide > innerWidth) faults.push(`the page overflows: ${wide} > ${innerWidth}`);
const scrolls = it => it && it.tagName !== 'MAIN'
    && (['auto', 'scroll'].includes(getComputedStyle(it).overflowX) || scrolls(it.parentElement));
for (const element of document.querySelectorAll('main *')) {
    const right = element.getBoundingClientRect().right;
    if (right > innerWidth + 1 && !scrolls(element))
        faults.push(`overflows to ${Math.round(right)} of ${innerWidth}: ${name(element)}`);
}
// Text may reach beyond its element.
const walker = document.createTreeWalker(document.querySelector('main'), NodeFilter.SHOW_TEXT);
while (walker.nextNode()) {
    const range = document.createRange();
    range.selectNodeContents(walker.currentNode);
    const right = range.getBoundingClientRect().right;
    if (right > innerWidth + 1 && !scrolls(walker.currentNode.parentElement))
        faults.push(`text overflows to ${Math.round(right)} of ${innerWidth}: `
            + walker.currentNode.textContent.trim().slice(0, 40));
}

// WCAG 2: contrast of text and what is behind it, 4.5 at least.
const canvas = document.createElement('canvas').getContext('2d', { willReadFrequently: true });
const rgba = color => {
    canvas.clearRect(0, 0, 1, 1);
    canvas.fillStyle = color;
    canvas.fillRect(0, 0, 1, 1);
    return canvas.getImageData(0, 0, 1, 1).data;
};
const light = color => {
    const [r, g, b] = [...rgba(color)].map(it => it / 255)
        .map(it => it <= 0.03928 ? it / 12.92 : ((it + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
};
const behind = element => {
    for (let it = element; it; it = it.parentElement) {
        const color = getComputedStyle(it).backgroundColor;
        if (rgba(color)[3] > 127) return color;
    }
    return 'white';
};
let texts = 0;
for (const element of document.querySelectorAll(
    'main :is(h1,h2,h3,h4,p,li,th,td,a,code,em,strong,span,label,legend), .menu-title, .sidebar a')) {
    const own = [...element.childNodes].some(it => it.nodeType === 3 && it.textContent.trim());
    if (!own) continue;
    texts += 1;
    const [text, back] = [light(getComputedStyle(element).color), light(behind(element))];
    const contrast = (Math.max(text, back) + 0.05) / (Math.min(text, back) + 0.05);
    if (contrast < 4.5) faults.push(`contrast ${contrast.toFixed(1)}: ${name(element)}`);
}
if (texts === 0) faults.push('there is no text on this page');
return [...new Set(faults)];
})()"#;

// --- The book --------------------------------------------------------------------------

/// The book, built anew for these tests; or the one in the folder `BOOK`, that of an unpacked
/// release say.
fn built() -> &'static Path {
    static BUILT: LazyLock<PathBuf> = LazyLock::new(|| {
        if let Some(folder) = std::env::var_os("BOOK") {
            return fs::canonicalize(folder).expect("BOOK names a folder");
        }
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("book-browsed");
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        book::build_into(root, &folder).unwrap_or_else(|error| panic!("{error:#}"));
        folder
    });
    &BUILT
}

/// Every page, by its path within the book.
fn pages(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for path in fs::read_dir(folder).unwrap().map(|it| it.unwrap().path()) {
        if path.is_dir() {
            found.extend(pages(&path));
        } else if path.extension().is_some_and(|it| it == "html")
            // Neither the list of pages for browsers without JavaScript, nor all pages in one,
            // for paper, which asks for a printer when it is opened.
            && path.file_name().is_some_and(|it| it != "toc.html" && it != "print.html")
        {
            found.push(path);
        }
    }
    found.sort();
    found
}

fn url(page: &Path) -> String {
    format!("file://{}", page.display())
}

#[test]
fn every_page_is_whole_wide_and_narrow_light_and_dark() {
    let mut browser = Browser::start();
    let pictures = std::env::var_os("BOOK_PICTURES").map(PathBuf::from);
    let mut faults = Vec::new();
    let pages = pages(built());
    assert!(pages.len() >= 9, "only {} pages", pages.len());
    for page in &pages {
        let name = page.strip_prefix(built()).unwrap().display().to_string();
        for (size, device) in [(PHONE, "phone"), (DESKTOP, "desktop")] {
            for scheme in ["light", "dark"] {
                browser.open(&url(page), size, scheme);
                let found = browser.faults().into_iter();
                faults.extend(found.map(|it| format!("{name}, {device}, {scheme}: {it}")));
                if let Some(folder) = &pictures {
                    let name = name.replace('/', "-").replace(".html", "");
                    let file = format!("{name}-{device}-{scheme}.png");
                    fs::create_dir_all(folder).unwrap();
                    browser.picture(&folder.join(file));
                }
            }
        }
    }
    assert!(
        faults.is_empty(),
        "{} faults:\n{}",
        faults.len(),
        faults.join("\n")
    );
}

#[test]
fn the_search_finds_a_word() {
    let mut browser = Browser::start();
    browser.open(&url(&built().join("index.html")), DESKTOP, "light");
    browser.press("s", "KeyS", 83, "s");
    browser.wait_until("document.activeElement.id === 'mdbook-searchbar'");
    browser.call("Input.insertText", json!({ "text": "communicato" }));
    browser.press("r", "KeyR", 82, "r");
    // The list of words is loaded when the field is opened, and looked at with each key.
    let found = "document.querySelectorAll('#mdbook-searchresults li').length > 0";
    let started = Instant::now();
    while browser.evaluate(found) != json!(true) {
        assert!(started.elapsed() < PATIENCE, "no result appears");
        browser.press("Shift", "ShiftLeft", 16, "");
    }
    let results =
        browser.evaluate("document.querySelector('#mdbook-searchresults').innerText");
    assert!(
        results
            .as_str()
            .unwrap()
            .to_lowercase()
            .contains("communicator"),
        "{results}"
    );
    assert_eq!(browser.faults(), Vec::<String>::new());
}

#[test]
fn the_list_of_chapters_is_reached_by_keyboard() {
    for size in [PHONE, DESKTOP] {
        let mut browser = Browser::start();
        browser.open(&url(&built().join("index.html")), size, "light");
        let mut met = Vec::new();
        let mut opened = false;
        // From the top of the page: Tab to the button, Enter, Tab to a chapter, Enter.
        loop {
            browser.press("Tab", "Tab", 9, "");
            let here = browser.evaluate("document.activeElement.id");
            if here == "mdbook-sidebar-toggle" && size == PHONE && !opened {
                opened = true;
                browser.press("Enter", "Enter", 13, "\r");
                browser.wait_until(
                    "document.getElementById('mdbook-sidebar-toggle') \
                     .getAttribute('aria-expanded') === 'true'",
                );
            }
            let link = browser.evaluate(
                "document.activeElement.closest('#mdbook-sidebar') \
                 && document.activeElement.innerText",
            );
            if link.as_str().is_some_and(|it| it.contains("Hello, rank")) {
                break;
            }
            met.push(format!("{here} {link}"));
            assert!(
                met.len() < 60,
                "{size:?}: Tab does not lead to a chapter: {met:#?}"
            );
        }
        let rectangle = "document.activeElement.getBoundingClientRect()";
        browser.wait_until(&format!("{rectangle}.left >= 0 && {rectangle}.right > 0"));
        browser.press("Enter", "Enter", 13, "\r");
        browser.wait_until("location.pathname.endsWith('/01-hello-rank/index.html')");
    }
}

/// The answers that are to be seen, and of which choices of which question they are: `1b`.
const SHOWN: &str = "[...document.querySelectorAll('.quiz .answer')]
    .filter(it => it.checkVisibility() && it.getBoundingClientRect().height > 10)
    .map(it => it.closest('p').querySelector('input').id.replace('quiz-', '').replace('-', '')
        + (it.classList.contains('is-right') ? ' right ' : ' wrong ') + it.innerText)";

#[test]
fn a_quiz_is_answered_by_keyboard() {
    let page = url(&built().join("01-hello-rank/index.html"));
    for (size, javascript) in [(PHONE, true), (DESKTOP, true), (DESKTOP, false)] {
        let mut browser = Browser::start();
        if !javascript {
            let off = json!({ "value": true });
            browser.call("Emulation.setScriptExecutionDisabled", off);
            browser.scripts = false;
        }
        browser.open(&page, size, "light");
        assert_eq!(browser.evaluate(SHOWN), json!([]), "answers are given away");

        let mut presses = 0;
        let reached = "document.activeElement.name === 'quiz-1'";
        while browser.evaluate(reached) != json!(true) {
            browser.press("Tab", "Tab", 9, "");
            presses += 1;
            assert!(presses < 90, "Tab does not lead to the question");
        }
        assert_eq!(browser.evaluate(SHOWN), json!([]), "nothing is chosen yet");
        let outline = "getComputedStyle(document.activeElement.labels[0]).outlineStyle";
        assert_eq!(browser.evaluate(outline), "solid", "the focus is not seen");

        // Three choices, the last of them right; then round again.
        for (key, number, text, expected) in [
            (" ", 32, " ", "1a wrong ✗ No. Ranks have numbers"),
            ("ArrowDown", 40, "", "1b wrong ✗ No. Nobody waits"),
            ("ArrowRight", 39, "", "1c right ✓ Right. Each process"),
            ("ArrowRight", 39, "", "1a wrong ✗ No. Ranks have numbers"),
            ("ArrowLeft", 37, "", "1c right ✓ Right. Each process"),
            ("ArrowUp", 38, "", "1b wrong ✗ No. Nobody waits"),
        ] {
            let code = if key == " " { "Space" } else { key };
            browser.press(key, code, number, text);
            let shown: Vec<String> =
                serde_json::from_value(browser.evaluate(SHOWN)).unwrap();
            assert!(
                shown.len() == 1 && shown[0].starts_with(expected),
                "after {key}: {shown:#?}"
            );
            let inside = "(it => it.top >= 0 && it.bottom <= innerHeight)\
                (document.activeElement.closest('p').getBoundingClientRect())";
            browser.wait_until(inside);
        }
        // One Tab leaves the group; an answer to another question takes none away.
        browser.press("Tab", "Tab", 9, "");
        assert_eq!(browser.evaluate(reached), json!(false));
        browser.evaluate("document.getElementById('quiz-2-d').focus()");
        browser.press(" ", "Space", 32, " ");
        assert_eq!(
            browser.evaluate(&format!("{SHOWN}.map(it => it.slice(0, 8))")),
            json!(["1b wrong", "2d right"])
        );
        assert_eq!(browser.evaluate("location.href"), json!(page));
        assert_eq!(browser.faults(), Vec::<String>::new());
    }
}

#[test]
fn a_screen_reader_learns_the_question_and_then_the_answer() {
    let mut browser = Browser::start();
    let page = built().join("01-hello-rank/index.html");
    browser.open(&url(&page), DESKTOP, "light");
    let mut roles = || -> Vec<(String, String)> {
        let tree = browser.call("Accessibility.getFullAXTree", json!({}));
        let nodes = tree["nodes"].as_array().unwrap().iter();
        let text = |it: &Value| it["value"].as_str().unwrap_or_default().to_owned();
        let nodes = nodes.filter(|it| it["ignored"] != json!(true));
        let nodes = nodes.map(|it| (text(&it["role"]), text(&it["name"])));
        let nodes = nodes.collect();
        browser.evaluate("document.getElementById('quiz-1-b').click()");
        nodes
    };
    let before = roles();
    let after = roles();
    let has = |nodes: &[(String, String)], role: &str, start: &str| {
        let mut nodes = nodes.iter();
        nodes.any(|it| it.0 == role && it.1.starts_with(start))
    };
    assert!(has(
        &before,
        "group",
        "Predict Each of four ranks prints its Hello World,"
    ));
    assert!(has(&before, "radio", "First the four Hello World, then"));
    assert!(has(&before, "status", ""));
    let answer = "Nobody waits between the two lines";
    assert!(!before.iter().any(|it| it.1.contains(answer)), "given away");
    let text = |it: &&(String, String)| it.1.trim_start().starts_with(answer);
    assert!(after.iter().any(|it| text(&it)), "{after:#?}");
}

#[test]
fn every_answer_can_be_read_in_every_theme() {
    let mut browser = Browser::start();
    let pictures = std::env::var_os("BOOK_PICTURES").map(PathBuf::from);
    let mut faults = Vec::new();
    let mut quizzes = 0;
    for page in pages(built()) {
        let name = page.strip_prefix(built()).unwrap().display().to_string();
        if !fs::read_to_string(&page)
            .unwrap()
            .contains("class=\"quiz\"")
        {
            continue;
        }
        quizzes += 1;
        for (size, device) in [(PHONE, "phone"), (DESKTOP, "desktop")] {
            browser.open(&url(&page), size, "light");
            for theme in ["light", "rust", "coal", "navy", "ayu"] {
                // All at once: a button without a name is in no group.
                browser.evaluate(&format!(
                    "document.getElementById('mdbook-theme-{theme}').click();
                    for (const it of document.querySelectorAll('.quiz input')) {{
                        it.name = '';
                        it.checked = true;
                    }}"
                ));
                let hidden = "[...document.querySelectorAll('.quiz .answer')]
                    .filter(it => !it.checkVisibility()).length";
                assert_eq!(browser.evaluate(hidden), json!(0));
                // Below its choice, and above the next one.
                let astray = "[...document.querySelectorAll('.quiz .answer')].filter(it => {
                    const [own, all] = [it, it.closest('p')].map(it => it.getBoundingClientRect());
                    const label = it.closest('p').querySelector('label').getBoundingClientRect();
                    return own.top < label.bottom || own.bottom > all.bottom;
                }).map(it => it.innerText)";
                assert_eq!(browser.evaluate(astray), json!([]), "{name}, {device}");
                let look = LOOK
                    .replace("'main :is", "'main .quiz :is")
                    .replace("'main *", "'main .quiz *");
                let found: Vec<String> =
                    serde_json::from_value(browser.evaluate(&look)).unwrap();
                let found = found.into_iter();
                faults.extend(found.map(|it| format!("{name}, {device}, {theme}: {it}")));
                if let Some(folder) = &pictures {
                    let name = name.replace('/', "-").replace(".html", "");
                    let file = format!("{name}-answers-{device}-{theme}.png");
                    fs::create_dir_all(folder).unwrap();
                    browser.picture(&folder.join(file));
                }
            }
        }
    }
    assert!(quizzes >= 5, "only {quizzes} pages have a quiz");
    assert!(
        faults.is_empty(),
        "{} faults:\n{}",
        faults.len(),
        faults.join("\n")
    );
}

#[test]
fn no_process_of_the_browser_is_left() {
    let with = |profile: &Path| -> Vec<String> {
        let profile = profile.display().to_string();
        let processes = fs::read_dir("/proc").unwrap().map(|it| it.unwrap().path());
        let commands = processes.filter_map(|it| fs::read(it.join("cmdline")).ok());
        commands
            .map(|it| String::from_utf8_lossy(&it).replace('\0', " "))
            .filter(|it| it.contains(&profile))
            .collect()
    };
    let mut browser = Browser::start();
    browser.open("about:blank", PHONE, "light");
    let profile = browser.profile.path().to_owned();
    assert!(!with(&profile).is_empty(), "the browser runs");
    drop(browser);
    let started = Instant::now();
    while !with(&profile).is_empty() && started.elapsed() < Duration::from_secs(2) {
        std::thread::sleep(Duration::from_millis(20));
    }
    assert_eq!(with(&profile), Vec::<String>::new());
    assert!(!profile.exists(), "its profile is left");
}

/// A page of the book with something added to its text.
fn planted(folder: &Path, html: &str) -> String {
    let page = fs::read_to_string(built().join("glossary.html")).unwrap();
    // The rest of the book stays where it is.
    let base = format!("<head><base href=\"{}/\">", url(built()));
    let page = page.replacen("<head>", &base, 1);
    let page = page.replacen("</main>", &format!("{html}</main>"), 1);
    let file = folder.join("planted.html");
    fs::write(&file, page).unwrap();
    url(&file)
}

#[test]
fn a_fault_that_is_planted_is_found() {
    let folder = tempfile::tempdir().unwrap();
    let mut browser = Browser::start();
    browser.open(&planted(folder.path(), ""), PHONE, "light");
    assert_eq!(browser.faults(), Vec::<String>::new(), "the page as it is");
    for (html, expected) in [
        ("<div style='width: 900px'>wide</div>", "overflows to"),
        (
            "<p style='white-space: nowrap'>This line is far too long for any phone to show all of it.</p>",
            "overflows to",
        ),
        (
            "<div style='position: fixed; left: 0; width: 900px'>wide</div>",
            "overflows to",
        ),
        ("<img src='gone.png' alt='gone'>", "broken image"),
        ("<script>console.error('planted')</script>", "console error"),
        ("<script>throw new Error('planted')</script>", "exception"),
        ("<script src='gone.js'></script>", "logged"),
        (
            "<img src='http://127.0.0.1:9/x.png' alt='x'>",
            "request to another host",
        ),
        (
            "<p style='color: #888; background: #999'>Who can read this?</p>",
            "contrast",
        ),
    ] {
        browser.open(&planted(folder.path(), html), PHONE, "light");
        let faults = browser.faults();
        assert!(
            faults.iter().any(|it| it.contains(expected)),
            "{html}: {faults:#?}"
        );
    }
    let wide = "<pre><code>a listing with a line that is much too long for the window of a \
        phone, which scrolls inside itself</code></pre>";
    browser.open(&planted(folder.path(), wide), PHONE, "light");
    assert_eq!(
        browser.faults(),
        Vec::<String>::new(),
        "a listing may scroll"
    );
}

// --- Pictures of runs ------------------------------------------------------------------

/// The pages of runs made by hand, written into `folder`: their names and their addresses.
fn run_pages(folder: &Path) -> Vec<(&'static str, String)> {
    let write = |(name, trace): (&'static str, trace::Trace)| {
        let file = folder.join(format!("{name}.html"));
        fs::write(&file, trace::page::draw(&trace)).unwrap();
        (name, url(&file))
    };
    trace::fixtures::all().into_iter().map(write).collect()
}

/// The page of one of these runs.
fn run_page(folder: &Path, wanted: &str) -> String {
    let pages = run_pages(folder).into_iter();
    pages
        .filter(|it| it.0 == wanted)
        .map(|it| it.1)
        .next()
        .unwrap()
}

/// How many bars are drawn of the file's bytes.
const BARS: &str = "document.querySelectorAll('#bytes .bar').length";
/// What is said of the bar that is chosen.
const SAID: &str = "document.getElementById('details').innerText";
/// The numbers of bytes below the boxes.
const BYTES: &str = "[...document.querySelectorAll('#bytes text.soft')]
    .map(it => Number(it.textContent)).filter(it => !isNaN(it))";

/// Waits until what was asked for is drawn.
fn drawn(browser: &mut Browser) {
    browser.evaluate(
        "new Promise(done => requestAnimationFrame(() => requestAnimationFrame(() => done(1))))",
    );
}

#[test]
fn the_page_of_a_run_is_whole_wide_and_narrow_light_and_dark() {
    let folder = tempfile::tempdir().unwrap();
    let mut browser = Browser::start();
    let pictures = std::env::var_os("BOOK_PICTURES").map(PathBuf::from);
    let mut faults = Vec::new();
    // Those that differ in how they are laid out.
    let of_interest = [
        "slabs100",
        "aggregated",
        "compressed",
        "hang",
        "needles",
        "nothing",
    ];
    let pages = run_pages(folder.path()).into_iter();
    for (name, page) in pages.filter(|it| of_interest.contains(&it.0)) {
        for (size, device) in [(PHONE, "phone"), (DESKTOP, "desktop")] {
            for scheme in ["light", "dark"] {
                browser.open(&page, size, scheme);
                browser.evaluate("document.getElementById('table').open = true");
                drawn(&mut browser);
                let bars = browser.evaluate(BARS).as_u64().unwrap();
                if (bars == 0) != (name == "nothing") || bars > 5000 {
                    faults.push(format!("{name}: {bars} bars"));
                }
                let found = browser.faults().into_iter();
                faults.extend(found.map(|it| format!("{name}, {device}, {scheme}: {it}")));
                if let Some(folder) = &pictures {
                    let file = format!("run-{name}-{device}-{scheme}.png");
                    fs::create_dir_all(folder).unwrap();
                    browser.picture(&folder.join(file));
                }
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn the_page_of_a_run_is_used_by_keyboard() {
    let folder = tempfile::tempdir().unwrap();
    let mut browser = Browser::start();
    browser.open(&run_page(folder.path(), "aggregated"), PHONE, "light");
    let mut presses = 0;
    while browser.evaluate("document.activeElement.closest('#bytes svg') !== null")
        != json!(true)
    {
        browser.press("Tab", "Tab", 9, "");
        presses += 1;
        assert!(presses < 30, "Tab does not lead to the drawing");
    }
    let mut press = |key: &str, number: u32, text: &str| {
        browser.press(key, "", number, text);
        drawn(&mut browser);
        let said = browser.evaluate(SAID).as_str().unwrap().to_owned();
        let bytes: Vec<u64> = serde_json::from_value(browser.evaluate(BYTES)).unwrap();
        (said, bytes)
    };
    let (said, bytes) = press("n", 78, "n");
    assert!(
        said.contains("Rank 0 asked to write 1000 pieces of 8 bytes"),
        "{said}"
    );
    assert!(said.contains("H5Dwrite (line 19)"), "{said}");
    assert_eq!((bytes.first(), bytes.last()), (Some(&0), Some(&34048)));
    // From what was asked for to what was moved, and back.
    let (said, _) = (0..6).map(|_| press("n", 78, "n")).last().unwrap();
    assert!(said.contains("Rank 0 wrote bytes 2048 to 34047"), "{said}");
    let (said, _) = press("p", 80, "p");
    assert!(said.contains("Rank 0 wrote bytes 800 to 1071"), "{said}");
    // In, until single pieces are seen; along; and out again.
    let (_, bytes) = (0..10).map(|_| press("+", 187, "+")).last().unwrap();
    let (first, last) = (bytes[0], bytes[bytes.len() - 1]);
    assert!(
        first > 2048 && last < 34048 && last - first < 60,
        "{bytes:?}"
    );
    let (_, bytes) = press("ArrowRight", 39, "");
    assert!(
        bytes[0] > first && bytes[bytes.len() - 1] > last,
        "{bytes:?}"
    );
    let (_, bytes) = press("0", 48, "0");
    assert_eq!((bytes.first(), bytes.last()), (Some(&0), Some(&34048)));
    assert_eq!(browser.faults(), Vec::<String>::new());
}

#[test]
fn the_page_of_a_run_is_used_by_mouse_and_fingers() {
    let folder = tempfile::tempdir().unwrap();
    let mut browser = Browser::start();
    browser.open(&run_page(folder.path(), "columns"), DESKTOP, "dark");
    let place = |browser: &mut Browser, which: &str| -> (f64, f64) {
        let place = browser.evaluate(&format!(
            "(it => [it.left + it.width / 2, it.top + it.height / 2])({which}.getBoundingClientRect())"
        ));
        serde_json::from_value(place).unwrap()
    };
    let mouse = |browser: &mut Browser, kind: &str, (x, y): (f64, f64), more: Value| {
        let mut event = json!({
            "type": kind, "x": x, "y": y, "button": "left", "clickCount": 1, "pointerType": "mouse",
        });
        for (key, value) in more.as_object().unwrap() {
            event[key] = value.clone();
        }
        browser.call("Input.dispatchMouseEvent", event);
        drawn(browser);
    };
    // Rank 2's lane of what was asked for.
    let bar = place(&mut browser, "document.querySelectorAll('#bytes .bar')[2]");
    mouse(&mut browser, "mousePressed", bar, json!({}));
    mouse(&mut browser, "mouseReleased", bar, json!({}));
    let said = browser.evaluate(SAID);
    let said = said.as_str().unwrap();
    assert!(
        said.starts_with("Rank 2 asked to write 1000 pieces of 8 bytes"),
        "{said}"
    );
    assert!(said.contains("of /table"), "{said}");

    // Zoomed until pieces are bars of their own, each with its number.
    for _ in 0..12 {
        let wheel =
            json!({ "deltaX": 0, "deltaY": -400, "modifiers": 2, "button": "none" });
        mouse(&mut browser, "mouseWheel", bar, wheel);
    }
    let bars = browser.evaluate(BARS).as_u64().unwrap();
    assert!((8..200).contains(&bars), "{bars} bars");
    let numbers = "[...document.querySelectorAll('#bytes text.middle')]
        .filter(it => it.textContent === '3').length";
    assert!(browser.evaluate(numbers).as_u64().unwrap() >= 2);
    let piece = place(&mut browser, "document.querySelectorAll('#bytes .bar')[1]");
    mouse(&mut browser, "mousePressed", piece, json!({}));
    mouse(&mut browser, "mouseReleased", piece, json!({}));
    let said = browser.evaluate(SAID);
    let said = said.as_str().unwrap();
    assert!(said.contains("of 1000: 8 bytes every 32"), "{said}");

    // Dragged to the left, later bytes come.
    let before: Vec<u64> = serde_json::from_value(browser.evaluate(BYTES)).unwrap();
    mouse(&mut browser, "mousePressed", bar, json!({}));
    for step in 1..=5 {
        let (x, y) = bar;
        mouse(
            &mut browser,
            "mouseMoved",
            (x - 40.0 * f64::from(step), y),
            json!({ "buttons": 1 }),
        );
    }
    mouse(&mut browser, "mouseReleased", bar, json!({}));
    let after: Vec<u64> = serde_json::from_value(browser.evaluate(BYTES)).unwrap();
    assert!(after[0] > before[0], "{before:?}, {after:?}");

    // Without rank 1, and without what was asked for.
    for id in ["#ranks input:nth-of-type(1)", "#asked"] {
        browser.evaluate(&format!("document.querySelector('{id}').click()"));
    }
    drawn(&mut browser);
    let labels =
        "[...document.querySelectorAll('#bytes text.end')].map(it => it.textContent)
        .filter(it => it.startsWith('rank'))";
    assert_eq!(
        browser.evaluate(labels),
        json!(["rank 1", "rank 2", "rank 3"])
    );
    let headings =
        "[...document.querySelectorAll('#bytes text.heading')].map(it => it.textContent)";
    assert_eq!(browser.evaluate(headings), json!(["moved"]));

    // Two fingers.
    browser.open(&run_page(folder.path(), "columns"), PHONE, "light");
    let (x, y) = place(&mut browser, "document.querySelector('#bytes svg')");
    let mut touch = |kind: &str, apart: f64| {
        let points = match kind {
            "touchEnd" => json!([]),
            _ => {
                json!([{ "x": x - apart, "y": y, "id": 1 }, { "x": x + apart, "y": y, "id": 2 }])
            }
        };
        let event = json!({ "type": kind, "touchPoints": points });
        browser.call("Input.dispatchTouchEvent", event);
        drawn(&mut browser);
    };
    touch("touchStart", 20.0);
    for apart in [30.0, 50.0, 70.0, 90.0] {
        touch("touchMove", apart);
    }
    touch("touchEnd", 0.0);
    let bytes: Vec<u64> = serde_json::from_value(browser.evaluate(BYTES)).unwrap();
    assert!(bytes[bytes.len() - 1] - bytes[0] < 34048 / 2, "{bytes:?}");
    assert_eq!(browser.faults(), Vec::<String>::new());
}

#[test]
fn names_of_a_run_stay_names() {
    let folder = tempfile::tempdir().unwrap();
    let mut browser = Browser::start();
    browser.open(&run_page(folder.path(), "names"), PHONE, "light");
    browser.evaluate("document.getElementById('table').open = true");
    drawn(&mut browser);
    let marks = "document.querySelectorAll('main b, main made, main script').length";
    assert_eq!(browser.evaluate(marks), json!(0));
    assert_eq!(
        browser.evaluate("document.title"),
        "mpirun -n 2 ./<b>x</b> --file 'a & b'"
    );
    let boxes = "[...document.querySelectorAll('#bytes text')].map(it => it.textContent)
        .some(it => it.includes('<script>alert(1)</script>'))";
    assert_eq!(browser.evaluate(boxes), json!(true));
    let cells = "[...document.querySelectorAll('td')].map(it => it.textContent)
        .some(it => it === 'write <b>rows</b> & more')";
    assert_eq!(browser.evaluate(cells), json!(true));
    assert_eq!(browser.faults(), Vec::<String>::new());
}

/// Texts of a drawing that are outside it, or on top of each other.
const CROWDED: &str = r#"(() => {
const faults = [];
const all = [...document.querySelectorAll('svg text')].filter(it => it.textContent.trim());
const paper = document.querySelector('svg').getBoundingClientRect();
const boxes = all.map(it => it.getBoundingClientRect());
boxes.forEach((one, index) => {
    const name = all[index].textContent;
    if (one.left < paper.left || one.right > paper.right || one.bottom > paper.bottom)
        faults.push(`outside: ${name}`);
    for (let other = 0; other < index; other++) {
        const its = boxes[other];
        // What the line above leaves free below its letters does not count.
        const wide = Math.min(one.right, its.right) - Math.max(one.left, its.left);
        const high = Math.min(one.bottom, its.bottom) - Math.max(one.top, its.top);
        if (wide > 0.5 && high > 6) faults.push(`on top of each other: ${name}, ${all[other].textContent}`);
    }
});
return faults;
})()"#;

#[test]
fn the_words_of_a_drawing_have_room() {
    let folder = tempfile::tempdir().unwrap();
    let mut browser = Browser::start();
    let mut faults = Vec::new();
    for (name, trace) in trace::fixtures::all() {
        let drawing = trace::svg::draw(&trace, trace::Show::Both);
        let file = folder.path().join("drawing.html");
        let page =
            format!("<!DOCTYPE html><meta charset=utf-8><main>{drawing}<p>x</p></main>");
        fs::write(&file, page).unwrap();
        browser.open(&url(&file), DESKTOP, "light");
        let found: Vec<String> = serde_json::from_value(browser.evaluate(CROWDED)).unwrap();
        faults.extend(found.iter().map(|it| format!("{name}: {it}")));
        // And as a picture, which has to be well-formed.
        let file = folder.path().join("drawing.svg");
        fs::write(&file, drawing).unwrap();
        let page = folder.path().join("picture.html");
        let html = "<!DOCTYPE html><main><img src='drawing.svg' style='width: 350px'><p>x</p></main>";
        fs::write(&page, html).unwrap();
        browser.open(&url(&page), PHONE, "dark");
        faults.extend(browser.faults().iter().map(|it| format!("{name}: {it}")));
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}
