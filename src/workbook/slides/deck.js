// Moves through the slides. Without it they stand one below the other.
(() => {
    const slides = [...document.querySelectorAll('.slide')];
    const root = document.documentElement;
    const panel = document.getElementById('notes');
    let now = 0;
    let speaker = null;

    const notes = slide => slide.querySelector('template').innerHTML;
    const title = slide => slide.querySelector('h1, h2').textContent;

    function show(number) {
        now = Math.max(0, Math.min(slides.length - 1, number));
        const slide = slides[now];
        slides.forEach(it => it.classList.toggle('now', it === slide));
        document.getElementById('where').textContent = `${now + 1} / ${slides.length}`;
        if (location.hash !== '#' + slide.id) history.replaceState(null, '', '#' + slide.id);
        panel.innerHTML = notes(slide);
        panel.scrollTop = 0;
        scrollTo(0, 0);
        tell();
    }

    function toggleNotes() {
        panel.hidden = !panel.hidden;
        root.classList.toggle('with-notes', !panel.hidden);
    }

    // The notes in a window of their own, on the speaker's screen.
    function tell() {
        if (!speaker || speaker.closed) return;
        const next = slides[now + 1];
        speaker.document.body.innerHTML = `<h1>${title(slides[now])}</h1>` + notes(slides[now])
            + (next ? `<p><small>Next: ${title(next)}</small></p>` : '');
        speaker.scrollTo(0, 0);
    }
    function openSpeaker() {
        speaker = open('', 'notes', 'width=800,height=700');
        if (!speaker) return;
        speaker.document.title = 'Notes';
        const style = document.createElement('style');
        style.textContent = document.querySelector('style').textContent
            + ':root { font-size: 20px !important } body { padding: 1em }';
        speaker.document.head.replaceChildren(style);
        speaker.document.onkeydown = press;
        tell();
    }

    function choose(number) {
        const answers = slides[now].querySelectorAll('input[type=radio]');
        if (answers[number]) answers[number].checked = true;
    }

    function press(event) {
        if (event.ctrlKey || event.metaKey || event.altKey) return;
        const pressed = {
            ArrowRight: () => show(now + 1), ArrowDown: () => show(now + 1),
            PageDown: () => show(now + 1), ' ': () => show(now + 1),
            ArrowLeft: () => show(now - 1), ArrowUp: () => show(now - 1),
            PageUp: () => show(now - 1),
            Home: () => show(0), End: () => show(slides.length - 1),
            n: toggleNotes, s: openSpeaker,
        }[event.key];
        if (event.key === ' ' && event.target.closest?.('button, input, a')) return;
        if (pressed) {
            event.preventDefault();
            pressed();
        } else if (/^[1-9]$/.test(event.key)) {
            choose(event.key - 1);
        }
    }

    addEventListener('keydown', press);
    document.getElementById('next').onclick = () => show(now + 1);
    document.getElementById('back').onclick = () => show(now - 1);
    document.getElementById('show-notes').onclick = toggleNotes;

    // A finger that moves sideways turns the page.
    let from = null;
    addEventListener('touchstart', event => { from = event.touches[0]; }, { passive: true });
    addEventListener('touchend', event => {
        const to = event.changedTouches[0];
        const [right, down] = [to.clientX - from.clientX, to.clientY - from.clientY];
        if (Math.abs(right) > 60 && Math.abs(right) > 2 * Math.abs(down)) {
            show(now + (right < 0 ? 1 : -1));
        }
    }, { passive: true });

    const named = () => slides.findIndex(it => '#' + it.id === location.hash);
    addEventListener('hashchange', () => show(named()));

    document.querySelectorAll('code[class^=language-]').forEach(it => hljs.highlightBlock(it));
    root.classList.add('js');
    show(named());
})();
