'use strict';
// Draws the run that is in the page. All text that comes from the run is set as text, never
// as HTML.

const run = JSON.parse(document.getElementById('run').textContent);
const byId = id => document.getElementById(id);
const LEFT = 64;
const RIGHT = 6;
const COLOURS = ['#0072b2', '#e69f00', '#009e73', '#cc79a7', '#56b4e9', '#d55e00', '#f0e442', 'var(--last)'];
const INKS = ['#fff', '#111', '#111', '#111', '#111', '#111', '#111', 'var(--last-ink)'];
const colour = rank => COLOURS[rank % COLOURS.length];
const ink = rank => INKS[rank % INKS.length];

// --- What is shown ---------------------------------------------------------------------

run.runs.forEach((it, index) => {
    it.index = index;
    it.end = it.start + (it.count - 1) * it.stride + it.length;
});
run.spans.forEach((it, index) => it.index = index);

const most = all => all.reduce((most, it) => Math.max(most, it.rank + 1), 0);
const ranks = Math.max(run.ranks, most(run.spans), most(run.runs));
// Opens with the file that was touched most.
const touched = run.files.map((_, file) => run.runs.filter(it => it.file === file).length);
const state = {
    file: Math.max(0, touched.indexOf(Math.max(...touched))),
    ranks: new Set(Array.from({ length: ranks }, (_, rank) => rank)),
    chosen: null,
};

function isShown(it) {
    return it.file === state.file && state.ranks.has(it.rank)
        && byId(it.write ? 'writes' : 'reads').checked
        && byId(it.asked ? 'asked' : 'moved').checked;
}

function shownSpans() {
    const frame = ['MPI_Init', 'MPI_Init_thread', 'MPI_Finalize'];
    return run.spans.filter(it => state.ranks.has(it.rank)
        && (!frame.includes(it.call) || it.end === null || it.ok === false));
}

// --- Words -----------------------------------------------------------------------------

function duration(microseconds) {
    const short = (value, unit) => `${+value.toPrecision(3)} ${unit}`;
    if (microseconds < 1e3) return short(microseconds, 'µs');
    return microseconds < 1e6 ? short(microseconds / 1e3, 'ms') : short(microseconds / 1e6, 's');
}
const amount = (count, one) => `${count} ${one}${count === 1 ? '' : 's'}`;
const bytes = (start, end) => end - start === 1 ? `byte ${start}` : `bytes ${start} to ${end - 1}`;

function sectionAt(byte) {
    return run.files[state.file].sections.find(it => it.start <= byte && byte < it.end);
}
function nameOf(section) {
    return {
        dataset: section.name, metadata: 'metadata', untouched: `${section.name} (untouched)`,
        unknown: 'the file', beyond: 'behind the end of the file',
    }[section.kind];
}
function where(start) {
    const section = sectionAt(start);
    if (!section) return '';
    if (section.kind !== 'dataset') return ` (${nameOf(section)})`;
    const chunk = section.chunks.findIndex(([from, to]) => from <= start && start < to);
    return ` of ${section.name}` + (chunk < 0 ? `, ${start - section.start} behind its first byte`
        : `, in its chunk ${chunk + 1} of ${section.chunks.length} here`);
}
const did = it => it.asked ? `asked to ${it.write ? 'write' : 'read'}` : it.write ? 'wrote' : 'read';

/** A run of pieces, or one of its pieces, in sentences. */
function tellRun(it, piece, times) {
    const lines = [];
    if (it.count > 1 && piece !== null) {
        const start = it.start + piece * it.stride;
        lines.push(`Rank ${it.rank} ${did(it)} ${bytes(start, start + it.length)}${where(start)}.`);
        lines.push(`This is piece ${piece + 1} of ${it.count}: ${amount(it.length, 'byte')} every `
            + `${it.stride}, from byte ${it.start} to ${it.end - 1}.`);
    } else if (it.count > 1) {
        lines.push(`Rank ${it.rank} ${did(it)} ${it.count} pieces of ${amount(it.length, 'byte')}, one every `
            + `${amount(it.stride, 'byte')}, from byte ${it.start} to ${it.end - 1}${where(it.start)}.`);
    } else {
        lines.push(`Rank ${it.rank} ${did(it)} ${bytes(it.start, it.end)} (${amount(it.length, 'byte')})`
            + `${where(it.start)}.`);
    }
    if (times > 1) lines.push(`It did so ${times} times; this is the first. N leads to the next.`);
    const span = it.span === null ? null : run.spans[it.span];
    lines.push(`By ${it.by}, ${duration(it.at)} after the start`
        + (span ? `, in ${span.call}${line(span)}: ${span.words}.` : '.'));
    return lines;
}
const line = span => span.line === null ? '' : ` (line ${span.line})`;

function tellSpan(it) {
    const lines = [`Rank ${it.rank}: ${it.call}${line(it)}: ${it.words}.`];
    const how = it.end === null ? 'It never returned.'
        : `It took ${duration(it.end - it.start)}`
        + (it.waited ? `, of which it waited ${duration(it.waited)} for others` : '')
        + (it.ok === false ? ', and failed.' : '.');
    const touches = run.runs.filter(its => its.span === it.index);
    const count = asked => touches.filter(its => its.asked === asked)
        .reduce((sum, its) => sum + its.count, 0);
    const moved = touches.length
        ? ` In it ${amount(count(true), 'piece')} asked for, ${amount(count(false), 'piece')} moved.` : '';
    lines.push(`It began ${duration(it.start)} after the start. ${how}${moved}`);
    return lines;
}

function choose(chosen) {
    state.chosen = chosen;
    tell(chosen);
    draw();
}
function tell(chosen) {
    const it = chosen.run ?? chosen.span;
    const lines = chosen.run ? tellRun(it, chosen.piece, chosen.times) : tellSpan(it);
    byId('details').replaceChildren(...lines.map(text => {
        const paragraph = document.createElement('p');
        paragraph.textContent = text;
        return paragraph;
    }));
}
/** How a bar is marked: it is the chosen one, or of the same call. */
function mark(run_, span, piece) {
    const chosen = state.chosen;
    if (!chosen) return '';
    if (run_ && chosen.run === run_) return piece === chosen.piece || chosen.piece === null ? ' chosen' : ' linked';
    if (span !== null && chosen.span && chosen.span.index === span) return run_ ? ' linked' : ' chosen';
    if (!run_ && chosen.run && chosen.run.span === span && span !== null) return ' linked';
    return '';
}

// --- A drawing that can be zoomed ------------------------------------------------------

function element(name, attributes, text) {
    const it = document.createElementNS('http://www.w3.org/2000/svg', name);
    for (const key in attributes) it.setAttribute(key, attributes[key]);
    if (text !== undefined) it.textContent = text;
    return it;
}

/** A drawing of something that is 1 long, of which a part is in sight. */
class View {
    constructor(parent, label, paint, next) {
        Object.assign(this, { from: 0, to: 1, paint, next, least: 1e-12 });
        const buttons = document.createElement('div');
        buttons.className = 'buttons';
        for (const [text, name, action] of [
            ['+', 'zoom in', () => this.zoom(0.5)], ['−', 'zoom out', () => this.zoom(2)],
            ['←', 'to the left', () => this.pan(-0.5)], ['→', 'to the right', () => this.pan(0.5)],
            ['all', 'show all', () => this.show(0, 1)],
        ]) {
            const button = document.createElement('button');
            button.type = 'button';
            button.textContent = text;
            button.setAttribute('aria-label', `${label}: ${name}`);
            button.onclick = action;
            buttons.append(button);
        }
        this.svg = element('svg', {
            class: 'drawing', tabindex: 0, role: 'application', 'aria-roledescription': 'drawing',
            'aria-label': `${label}. Arrow keys move, plus and minus zoom, 0 shows all, N and P go from bar to bar. `
                + 'The same is below, in words and as tables.',
        });
        parent.append(buttons, this.svg);
        this.bind();
    }
    get room() { return Math.max(60, this.svg.clientWidth - LEFT - RIGHT); }
    x(place) { return LEFT + (place - this.from) / (this.to - this.from) * this.room; }
    place(x) { return this.from + (x - LEFT) / this.room * (this.to - this.from); }

    show(from, to) {
        const length = Math.min(1, Math.max(this.least, to - from));
        this.from = Math.min(Math.max(0, from), 1 - length);
        this.to = this.from + length;
        draw();
    }
    zoom(factor, at = (this.from + this.to) / 2) {
        this.show(at - (at - this.from) * factor, at + (this.to - at) * factor);
    }
    pan(part) {
        const by = part * (this.to - this.from);
        this.show(this.from + by, this.to + by);
    }

    bind() {
        const svg = this.svg;
        const x = event => event.clientX - svg.getBoundingClientRect().left;
        const fingers = new Map();
        let moved = 0;
        svg.addEventListener('pointerdown', event => {
            fingers.set(event.pointerId, x(event));
            moved = 0;
        });
        svg.addEventListener('pointermove', event => {
            if (!fingers.has(event.pointerId)) {
                const bar = event.target.bar;
                if (bar && !state.chosen) tell(bar);
                return;
            }
            const before = fingers.get(event.pointerId);
            const now = x(event);
            moved += Math.abs(now - before);
            // Only now, so that a click still reaches the bar.
            if (moved > 4 && !svg.hasPointerCapture(event.pointerId)) svg.setPointerCapture(event.pointerId);
            const others = [...fingers].filter(it => it[0] !== event.pointerId);
            fingers.set(event.pointerId, now);
            if (others.length === 0) {
                this.pan((before - now) / this.room);
            } else {
                const still = others[0][1];
                const factor = Math.max(20, Math.abs(before - still)) / Math.max(20, Math.abs(now - still));
                this.zoom(factor, this.place(still));
            }
        });
        const up = event => fingers.delete(event.pointerId);
        svg.addEventListener('pointerup', up);
        svg.addEventListener('pointercancel', up);
        svg.addEventListener('click', event => {
            if (moved > 4) return;
            if (event.target.bar) choose(event.target.bar);
            else if (state.chosen) { state.chosen = null; draw(); }
        });
        svg.addEventListener('dblclick', event => this.zoom(0.4, this.place(x(event))));
        svg.addEventListener('wheel', event => {
            const sideways = event.shiftKey ? event.deltaY : event.deltaX;
            if (event.ctrlKey || event.metaKey) this.zoom(1.0015 ** event.deltaY, this.place(x(event)));
            else if (sideways) this.pan(sideways / this.room);
            else return;
            event.preventDefault();
        }, { passive: false });
        svg.addEventListener('keydown', event => {
            if (event.ctrlKey || event.metaKey || event.altKey) return;
            const action = {
                ArrowLeft: () => this.pan(-0.2), ArrowRight: () => this.pan(0.2),
                '+': () => this.zoom(0.5), '=': () => this.zoom(0.5), '-': () => this.zoom(2),
                0: () => this.show(0, 1), Home: () => this.show(0, 1),
                n: () => this.step(1), p: () => this.step(-1),
                Escape: () => { state.chosen = null; draw(); },
            }[event.key.length === 1 ? event.key.toLowerCase() : event.key];
            if (!action) return;
            event.preventDefault();
            action();
        });
    }
    /** Chooses the next bar, or the one before. */
    step(by) {
        const all = this.next();
        if (!all.length) return;
        const chosen = state.chosen;
        const here = chosen ? all.findIndex(it => (it.run ?? it.span) === (chosen.run ?? chosen.span)) : -1;
        const next = here < 0 ? (by > 0 ? 0 : all.length - 1) : (here + by + all.length) % all.length;
        choose(all[next]);
    }

    draw() {
        const paper = new Paper(this);
        this.paint(paper);
        this.svg.setAttribute('height', paper.y + 4);
        this.svg.replaceChildren(...paper.parts);
    }
}

/** What is drawn, from top to bottom. */
class Paper {
    constructor(view) {
        Object.assign(this, { view, y: 0, parts: [], left: LEFT, right: LEFT + view.room });
        this.defs = element('defs', {});
        this.parts.push(this.defs);
        this.known = new Set();
        this.id = view.svg.parentElement.id;
    }
    add(name, attributes, text) {
        const it = element(name, attributes, text);
        this.parts.push(it);
        return it;
    }
    text(x, y, kind, text) { return this.add('text', { x, y, class: kind }, text); }
    rect(x, y, width, height, attributes) {
        return this.add('rect', { x, y, width: Math.max(0, width), height, ...attributes });
    }
    /** Upright lines: pieces with gaps between them. Slanting: waiting. Dots: metadata. */
    pattern(name, colour) {
        const id = `${this.id}-${name}`;
        if (!this.known.has(id)) {
            this.known.add(id);
            const it = element('pattern', { id, width: name === 'wait' ? 6 : 4, height: 6, patternUnits: 'userSpaceOnUse' });
            if (name === 'wait') {
                it.setAttribute('patternTransform', 'rotate(45)');
                it.append(element('rect', { width: 6, height: 6, fill: 'var(--paper)' }));
                it.append(element('path', { d: 'M1 0V6', stroke: 'var(--soft)', 'stroke-width': 1.6 }));
            } else if (name === 'metadata') {
                it.append(element('rect', { width: 4, height: 6, fill: 'var(--lane)' }));
                it.append(element('circle', { cx: 1.5, cy: 1.5, r: 0.9, fill: 'var(--line)' }));
            } else {
                it.append(element('path', { d: 'M1.2 0V6', stroke: colour, 'stroke-width': 2.4 }));
            }
            this.defs.append(it);
        }
        return `url(#${id})`;
    }
}
const short = (text, width) => {
    const letters = Math.floor(width / 7.6);
    const all = [...text];
    return all.length <= letters ? text : letters < 3 ? '' : '…' + all.slice(all.length - letters + 1).join('');
};
const laneHeight = () => state.ranks.size <= 8 ? 20 : state.ranks.size <= 32 ? 14 : 8;
const shownRanks = () => [...state.ranks].sort((a, b) => a - b);

function laneLabel(paper, rank, height, index) {
    if (height >= 14 || index % 2 === 0 && height >= 8 && index % 4 === 0)
        paper.text(LEFT - 6, paper.y + height / 2 + 4.5, 'end', `rank ${rank}`);
}

// --- The file --------------------------------------------------------------------------

/** Where each box of a file begins and ends, of the whole from 0 to 1. */
function places(file) {
    const sections = run.files[file].sections;
    const isMetadata = it => it.kind === 'metadata';
    const narrow = Math.min(0.03, 0.2 / sections.filter(isMetadata).length || 1);
    const data = sections.filter(it => !isMetadata(it));
    const total = data.reduce((sum, it) => sum + it.end - it.start, 0);
    const least = Math.min(0.1, 0.6 / (data.length || 1));
    const weight = it => isMetadata(it) ? narrow : Math.max(least, (it.end - it.start) / total);
    const all = sections.reduce((sum, it) => sum + weight(it), 0);
    let at = 0;
    return sections.map(it => {
        const from = at;
        at += weight(it) / all;
        return { section: it, from, to: at };
    });
}
const boxes = run.files.map((_, file) => places(file));

/** The left and right edge of bytes in a box. */
function edges(view, box, start, end) {
    const { section, from, to } = box;
    const place = byte => from + (byte - section.start) / (section.end - section.start) * (to - from);
    return [view.x(place(start)), view.x(place(end))];
}

function paintFile(paper) {
    const view = paper.view;
    if (!run.files.length) return;
    const own = boxes[state.file].filter(it => it.to > view.from && it.from < view.to);
    // The boxes.
    let labels = paper.left;
    paper.text(LEFT - 6, 37, 'soft end', 'byte');
    for (const box of own) {
        const { section } = box;
        const [left, right] = edges(view, box, section.start, section.end)
            .map(it => Math.min(paper.right, Math.max(paper.left, it)));
        const fill = section.kind === 'metadata' ? { fill: paper.pattern('metadata') } : {};
        paper.rect(left, 1, right - left, 22, { class: 'box', style: fill.fill ? `fill: ${fill.fill}` : '' });
        const seen = section.chunks.flatMap(([from, to]) => [from, to]).slice(1, -1)
            .map(it => edges(view, box, it, it)[0]).filter(it => it > paper.left && it < paper.right);
        if (seen.length < view.room / 3)
            for (const x of seen) paper.add('path', { d: `M${x} 1v5m0 12v5`, class: 'seam' });
        if (section.kind !== 'metadata' || right - left > 80)
            paper.text((left + right) / 2, 17, 'middle', short(section.kind === 'untouched' ? 'untouched' : nameOf(section), right - left - 8));
        // Where what is seen of the box begins.
        const into = Math.max(0, view.from - box.from) / (box.to - box.from);
        const start = String(Math.round(section.start + into * (section.end - section.start)));
        if (left >= labels && left + start.length * 8 < paper.right) {
            paper.text(left, 37, 'soft', start);
            labels = left + start.length * 8 + 6;
        }
    }
    const last = own[own.length - 1];
    if (last) {
        const into = (Math.min(view.to, last.to) - last.from) / (last.to - last.from);
        const end = String(Math.round(last.section.start + into * (last.section.end - last.section.start)));
        if (labels < paper.right - end.length * 8) paper.text(paper.right, 37, 'soft end', end);
    }
    paper.y = 42;
    for (const [asked, title] of [[true, 'asked for'], [false, 'moved']]) {
        if (!byId(asked ? 'asked' : 'moved').checked) continue;
        paper.text(0, paper.y + 15, 'heading', title);
        paper.y += 21;
        shownRanks().forEach((rank, index) => paintLane(paper, own, rank, asked, index));
    }
}

function paintLane(paper, own, rank, asked, index) {
    const height = laneHeight();
    laneLabel(paper, rank, height, index);
    paper.rect(paper.left, paper.y + 1, paper.right - paper.left, height - 2, { class: 'lane' });
    const lane = lanes()[asked ? 'asked' : 'moved'][rank];
    for (const box of own) {
        const inside = lane.filter(it => it.start < box.section.end && it.end > box.section.start);
        // Reads above writes, where there are both.
        const halves = inside.some(it => it.write) && inside.some(it => !it.write);
        for (const write of [false, true]) {
            const y = paper.y + 2 + (halves && write ? (height - 4) / 2 : 0);
            paintPieces(paper, box, inside.filter(it => it.write === write), y, halves ? (height - 5) / 2 : height - 4);
        }
    }
    paper.y += height;
}

/** Pieces as bars; what is too small and too near to be seen is one bar. */
function paintPieces(paper, box, runs, y, height) {
    let open = null;
    const put = (left, right, it, piece, scattered) => {
        [left, right] = [Math.max(left, paper.left), Math.min(right, paper.right)];
        if (right < paper.left || left > paper.right) return;
        // The same bytes again.
        if (open && left === open.left && right <= open.right && !scattered) {
            open.times++;
            return;
        }
        const joins = open && left - open.right < 1.2 && right - left < 3
            && (open.scattered || open.right - open.left < 3);
        if (joins) {
            open.right = Math.max(open.right, right);
            open.scattered = true;
            return;
        }
        if (open) paintBar(paper, open, y, height);
        open = { left, right: Math.max(right, left + 1.2), run: it, piece, scattered, times: 1 };
    };
    for (const it of runs) {
        const [left, right] = edges(paper.view, box, Math.max(it.start, box.section.start), Math.min(it.end, box.section.end));
        if (right < paper.left || left > paper.right) continue;
        const [first, second] = edges(paper.view, box, it.start, it.start + it.stride);
        if (it.count > 1 && second - first < 3) {
            put(left, right, it, null, it.stride > it.length);
            continue;
        }
        // Only those in sight.
        const pitch = second - first;
        const from = Math.max(0, Math.floor((paper.left - first) / pitch) - 1);
        const to = Math.min(it.count, Math.ceil((paper.right - first) / pitch) + 1);
        for (let piece = from; piece < to; piece++) {
            const start = Math.max(it.start + piece * it.stride, box.section.start);
            const end = Math.min(it.start + piece * it.stride + it.length, box.section.end);
            if (start < end) put(...edges(paper.view, box, start, end), it, piece, false);
        }
    }
    if (open) paintBar(paper, open, y, height);
}

function paintBar(paper, bar, y, height) {
    const { run: it, left, right } = bar;
    const fill = bar.scattered ? paper.pattern(`pieces${it.rank % COLOURS.length}`, colour(it.rank)) : colour(it.rank);
    const width = right - left;
    const read = !it.write && !bar.scattered;
    // A little narrower, so that one ends where the next begins.
    const rect = paper.rect(left + (width > 6 ? 0.5 : 0), y, width - (width > 6 ? 1 : 0), height, {
        class: `bar${mark(it, it.span, bar.piece)}`, fill, 'fill-opacity': read ? 0.22 : 1,
        ...(read ? { stroke: colour(it.rank), 'stroke-width': 1.4 } : {}),
    });
    rect.bar = { run: it, piece: it.count > 1 ? bar.piece : null, times: bar.times };
    if (width > 12 + 8 * String(it.rank).length && height >= 12 && !bar.scattered) {
        const text = paper.text((left + right) / 2, y + height / 2 + 4.5, 'middle', it.rank);
        text.style.pointerEvents = 'none';
        if (it.write) text.style.fill = ink(it.rank);
    }
}

/** What is shown, by group and by rank, in the order of the bytes. */
let sorted = null;
function lanes() {
    if (sorted) return sorted;
    const empty = () => Array.from({ length: ranks }, () => []);
    sorted = { asked: empty(), moved: empty() };
    for (const it of run.runs) if (isShown(it)) sorted[it.asked ? 'asked' : 'moved'][it.rank].push(it);
    for (const group of [sorted.asked, sorted.moved])
        for (const lane of group) lane.sort((one, other) => one.start - other.start);
    return sorted;
}

// --- The time --------------------------------------------------------------------------

/** A scale from time to the whole from 0 to 1. */
let scale = null;
function timeScale() {
    if (scale) return scale;
    const spans = shownSpans();
    const stops = [...new Set(spans.flatMap(it => [it.start, it.end ?? it.start + it.waited,
        Math.min(it.start + it.waited, it.end ?? Infinity)]))].sort((one, other) => one - other);
    const stretched = byId('stretch').checked;
    const places = [0];
    for (let index = 1; index < stops.length; index++)
        places.push(places[index - 1] + (stops[index] - stops[index - 1]) ** (stretched ? 0.4 : 1));
    // What hangs gets room behind the last thing that happened.
    const hangs = spans.some(it => it.end === null);
    const all = (places[places.length - 1] || 1) * (hangs ? 1.25 : 1);
    const find = (list, value) => {
        let [low, high] = [0, list.length];
        while (low < high) {
            const middle = (low + high) >> 1;
            if (list[middle] < value) low = middle + 1; else high = middle;
        }
        return low;
    };
    const between = (from, to, value) => {
        const after = find(from, value);
        if (from[after] === value || after === 0) return to[after] ?? 0;
        if (after >= from.length) return to[to.length - 1];
        return to[after - 1] + (value - from[after - 1]) / (from[after] - from[after - 1]) * (to[after] - to[after - 1]);
    };
    scale = {
        first: stops[0] ?? 0,
        last: stops[stops.length - 1] ?? 0,
        place: time => between(stops, places, time) / all,
        time: place => between(places, stops, place * all),
    };
    return scale;
}
function kind(call) {
    if (/^(H5Dwrite|MPI_File_i?write)/.test(call)) return 'write';
    return /^(H5Dread|MPI_File_i?read)/.test(call) ? 'read' : 'other';
}

function paintTime(paper) {
    const view = paper.view;
    const spans = shownSpans();
    const to = timeScale();
    // Times at round places of the drawing.
    const count = Math.max(2, Math.floor(view.room / 90));
    for (let tick = 0; tick < count; tick++) {
        const place = view.from + tick / count * (view.to - view.from);
        const x = view.x(place);
        if (tick > 0 && to.time(place) >= to.last) break;
        paper.text(x, 12, 'soft', duration(Math.round(to.time(place) - to.first)));
        paper.add('path', { d: `M${x} 15v5`, class: 'seam' });
    }
    paper.y = 20;
    const height = Math.max(14, laneHeight() + 4);
    const moved = run.runs.filter(it => !it.asked && state.ranks.has(it.rank));
    for (const rank of shownRanks()) {
        laneLabel(paper, rank, height, 0);
        paper.rect(paper.left, paper.y + 1, paper.right - paper.left, height - 2, { class: 'lane' });
        let free = -Infinity;
        for (const it of spans) {
            if (it.rank !== rank) continue;
            const left = view.x(to.place(it.start));
            const right = it.end === null ? paper.right + 9 : view.x(to.place(it.end));
            if (right < paper.left || left > paper.right || right < free + 0.8) continue;
            free = right;
            paintSpan(paper, it, Math.max(left, paper.left), Math.min(right, paper.right), height);
        }
        // A stroke at the bottom for each time that bytes were moved.
        let before = -Infinity;
        for (const it of moved) {
            if (it.rank !== rank) continue;
            const left = view.x(to.place(it.at));
            const right = Math.max(left + 1.5, view.x(to.place(it.until)));
            if (right < paper.left || left > paper.right || right < before + 1) continue;
            before = right;
            const seen = Math.max(left, paper.left);
            paper.rect(seen, paper.y + height - 5, Math.min(right, paper.right) - seen, 4,
                { fill: 'var(--ink)', style: 'pointer-events: none' });
        }
        paper.y += height;
    }
    paper.text(paper.left, paper.y + 15, 'soft', 'strokes at the bottom: bytes moved');
    const sample = paper.left + 250;
    if (sample + 120 < paper.right) {
        paper.rect(sample, paper.y + 5, 14, 11, { fill: paper.pattern('wait'), stroke: 'var(--line)' });
        paper.text(sample + 19, paper.y + 15, 'soft', 'waits for others');
    }
    paper.y += 22;
}

function paintSpan(paper, it, left, right, height) {
    const what = kind(it.call);
    const y = paper.y + 1;
    const width = Math.max(1.2, right - left);
    const style = what === 'other' ? { class: 'call' } : {
        fill: colour(it.rank), 'fill-opacity': what === 'read' ? 0.22 : 1, stroke: colour(it.rank), class: '',
    };
    const never = it.end === null || it.ok === false ? ' never' : '';
    const rect = paper.rect(left, y, width, height - 2,
        { ...style, class: `bar ${style.class}${never}${mark(null, it.index)}` });
    rect.bar = { span: it, piece: null };
    const until = it.end === null ? right : paper.view.x(timeScale().place(Math.min(it.start + it.waited, it.end)));
    const waits = Math.min(right, until) - left;
    if (waits > 1) {
        const hatched = paper.rect(left, y, waits, height - 2, { fill: paper.pattern('wait'), class: `bar${never}` });
        hatched.bar = rect.bar;
    }
    const name = it.call.replace(/^MPI_/, '') + (it.end === null ? ` never returned${line(it)}` : '');
    // Beside the waiting part if it fits there, else in the middle.
    const needs = name.length * 7.8 + 4;
    const beside = needs < width - Math.max(0, waits);
    if (height >= 14 && needs < width) {
        const onColour = what === 'write' && beside;
        const middle = beside ? left + (width + Math.max(0, waits)) / 2 : left + width / 2;
        const text = paper.text(middle, y + height / 2 + 3.5,
            'middle' + (it.end === null ? ' wrong' : '') + (onColour ? '' : ' halo'), name);
        text.style.pointerEvents = 'none';
        if (onColour) text.style.fill = ink(it.rank);
    }
}

// --- Tables ----------------------------------------------------------------------------

const MOST_ROWS = 1000;

function table(title, heads, rows) {
    const it = document.createElement('table');
    const more = rows.length > MOST_ROWS ? `, the first ${MOST_ROWS} of ${rows.length}` : '';
    it.createCaption().textContent = title + more;
    const head = it.createTHead().insertRow();
    for (const text of heads) {
        const cell = document.createElement('th');
        cell.scope = 'col';
        cell.textContent = text;
        head.append(cell);
    }
    const body = it.createTBody();
    for (const row of rows.slice(0, MOST_ROWS)) {
        const line = body.insertRow();
        for (const value of row) {
            const cell = line.insertCell();
            cell.textContent = value ?? '';
            if (typeof value === 'number') cell.className = 'number';
        }
    }
    return it;
}
function fillTables() {
    if (!byId('table').open) return;
    const touches = run.runs.filter(isShown).map(it => {
        const span = it.span === null ? null : run.spans[it.span];
        const section = sectionAt(it.start);
        return [it.rank, did(it), it.start, it.end - 1, it.count, it.length, section ? nameOf(section) : '',
            it.by, span?.call, span?.line, duration(it.at)];
    });
    const calls = run.spans.filter(it => state.ranks.has(it.rank)).map(it => [
        it.rank, it.call, it.words, it.line, duration(it.start),
        it.end === null ? 'never returned' : duration(it.end - it.start), duration(it.waited),
        it.ok === null ? '' : it.ok ? 'yes' : 'no']);
    byId('table').querySelector('.wide').replaceChildren(
        table('Bytes', ['rank', 'did', 'first byte', 'last byte', 'pieces', 'bytes each', 'of', 'by', 'in call', 'line', 'at'], touches),
        table('Calls', ['rank', 'call', 'what it does', 'line', 'at', 'took', 'of it waited', 'succeeded'], calls));
}

// --- All together ----------------------------------------------------------------------

const fileView = new View(byId('bytes'), 'The file', paintFile, () => {
    const { asked, moved } = lanes();
    return [asked, moved].flat(2).map(it => ({ run: it, piece: null }));
});
const timeView = new View(byId('time'), 'The time', paintTime,
    () => shownSpans().map(it => ({ span: it, piece: null })));

let asked = false;
function draw() {
    if (asked) return;
    asked = true;
    requestAnimationFrame(() => {
        asked = false;
        fileView.draw();
        timeView.draw();
    });
}
function changed() {
    const file = run.files[state.file];
    byId('file-title').textContent = file ? `${file.name}, ${amount(file.size, 'byte')}` : 'No file';
    [sorted, scale] = [null, null];
    fillTables();
    draw();
}

run.files.forEach((it, index) => byId('file').append(new Option(it.name, index, false, index === state.file)));
byId('choose').hidden = run.files.length < 2;
byId('file').onchange = event => {
    state.file = Number(event.target.value);
    state.chosen = null;
    [fileView.from, fileView.to] = [0, 1];
    changed();
};
for (let rank = 0; rank < ranks; rank++) {
    const label = document.createElement('label');
    const box = document.createElement('input');
    box.type = 'checkbox';
    box.checked = true;
    box.onchange = () => {
        state.ranks[box.checked ? 'add' : 'delete'](rank);
        changed();
    };
    label.append(box, ` ${rank}`);
    byId('ranks').append(label);
}
for (const id of ['asked', 'moved', 'writes', 'reads', 'stretch']) byId(id).onchange = changed;
byId('filters').onsubmit = event => event.preventDefault();
byId('table').addEventListener('toggle', fillTables);
new ResizeObserver(draw).observe(document.querySelector('main'));
changed();
