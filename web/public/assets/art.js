// Posters, drawn from a concert's id: the same concert looks the same everywhere, and nothing is fetched. All of it is
// decoration and says nothing that is not said in words beside it.
import { svg } from './dom.js';

/** From the deep ground to the bright light. */
const palettes = [
  ['#160f3d', '#5a35d6', '#ff6aa8', '#ffe3f0'], ['#04222f', '#0f8fa3', '#5fe0c8', '#f4f1d0'],
  ['#300822', '#d4265a', '#ff8f5c', '#ffe9c9'], ['#0a2420', '#1d9a68', '#b5ea7c', '#f6ffdc'],
  ['#0f1440', '#3564e8', '#78d5ff', '#eef8ff'], ['#2a1305', '#d8661c', '#ffbf4d', '#fff3d6'],
];
const wide = 400;
const high = 260;
let drawn = 0;

/** @param {string} text FNV-1a */
export function seedOf(text) {
  let hash = 2166136261;
  for (const c of text) hash = Math.imul(hash ^ (c.codePointAt(0) ?? 0), 16777619);
  // The last characters of ids differ most: spread them over all bits.
  hash = Math.imul(hash ^ (hash >>> 15), 2654435761);
  return (hash ^ (hash >>> 13)) >>> 0;
}
/** @param {number} seed @returns {() => number} 0 up to 1, always the same row of numbers */
export function dice(seed) {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

/** @typedef {{ roll: () => number, colours: string[] }} Brush */

/** @param {number} n @param {(i: number) => SVGElement} draw */
function many(n, draw) {
  return Array.from({ length: n }, (_, i) => draw(i));
}

/** Light from above, over a crowd. @param {Brush} brush */
function beams({ roll, colours }) {
  return [
    ...many(7, (i) => {
      const top = 30 + i * 57 + roll() * 20;
      const foot = top + (roll() - 0.5) * 260;
      return svg('path', { d: `M${top} -10 L${foot - 44} 270 L${foot + 44} 270 Z`, fill: colours[1 + (i % 3)] ?? '', opacity: 0.28 });
    }),
    ...crowd(roll, colours[0] ?? '', high - 6, wide), svg('rect', { y: high - 14, width: wide, height: 14, fill: colours[0] ?? '' }),
  ];
}
/** @param {() => number} roll @param {string} colour @param {number} foot @param {number} width */
function crowd(roll, colour, foot, width) {
  return many(Math.round(width / 17), (i) => svg('circle', { cx: i * 17 + roll() * 6, cy: foot - 4 - roll() * 14, r: 12 + roll() * 6, fill: colour }));
}
/** Hills of sound. @param {Brush} brush */
function waves({ roll, colours }) {
  return [
    svg('circle', { cx: 90 + roll() * 220, cy: 84, r: 46, fill: colours[3] ?? '', opacity: 0.9 }),
    ...many(5, (i) => {
      const y = 110 + i * 32;
      const swing = 26 + roll() * 26;
      return svg('path', {
        d: `M-10 ${y} C 90 ${y - swing}, 150 ${y + swing}, 220 ${y} S 350 ${y - swing}, 410 ${y + roll() * 14} V270 H-10 Z`,
        fill: colours[2 - (i % 3)] ?? '', opacity: 0.55 + i * 0.09,
      });
    }),
  ];
}
/** A record. @param {Brush} brush */
function record({ roll, colours }) {
  const x = 130 + roll() * 140;
  return [
    ...many(9, (i) => svg('circle', { cx: x, cy: 130, r: 150 - i * 14, fill: 'none', stroke: colours[1 + (i % 2)] ?? '', 'stroke-width': 5, opacity: 0.35 + i * 0.06 })),
    svg('circle', { cx: x, cy: 130, r: 34, fill: colours[2] ?? '' }),
    svg('circle', { cx: x, cy: 130, r: 6, fill: colours[0] ?? '' }),
  ];
}
/** An equalizer. @param {Brush} brush */
function bars({ roll, colours }) {
  return many(20, (i) => {
    const tall = 40 + roll() * 180;
    return svg('rect', { x: i * 20 + 3, y: high - tall, width: 13, height: tall + 10, rx: 6, fill: colours[1 + (i % 3)] ?? '', opacity: 0.85 });
  });
}
/** Stars above. @param {Brush} brush */
function night({ roll, colours }) {
  return [
    ...many(46, () => svg('circle', { cx: roll() * wide, cy: roll() * 190, r: 0.8 + roll() * 2, fill: colours[3] ?? '', opacity: 0.5 + roll() / 2 })),
    svg('circle', { cx: 300, cy: 74, r: 40, fill: colours[2] ?? '' }),
    svg('circle', { cx: 284 - roll() * 8, cy: 66, r: 36, fill: colours[0] ?? '' }),
    svg('path', { d: 'M-10 270 L90 128 L170 220 L250 106 L410 270 Z', fill: colours[1] ?? '', opacity: 0.9 }),
    svg('path', { d: 'M-10 270 L60 190 L150 270 Z M210 270 L310 168 L410 250 V270 Z', fill: colours[2] ?? '', opacity: 0.5 }),
  ];
}
/** Shapes that play. @param {Brush} brush */
function shapes({ roll, colours }) {
  return many(24, (i) => {
    const [column, row] = [i % 6, Math.floor(i / 6)];
    const [x, y] = [column * 68 - 2, row * 68 - 4];
    const fill = colours[1 + Math.floor(roll() * 3)] ?? '';
    const kind = Math.floor(roll() * 3);
    if (kind === 0) return svg('circle', { cx: x + 34, cy: y + 34, r: 30, fill, opacity: 0.85 });
    if (kind === 1) return svg('path', { d: `M${x + 4} ${y + 64} A60 60 0 0 1 ${x + 64} ${y + 4} V${y + 64} Z`, fill, opacity: 0.85 });
    return svg('rect', { x: x + 6, y: y + 6, width: 56, height: 56, rx: 6, fill, opacity: 0.5 });
  });
}
const motifs = [beams, waves, record, bars, night, shapes];

/** @param {string} colour @param {string} to @returns {[SVGElement, string]} the gradient, and how to fill with it */
function ground(colour, to) {
  const id = `ground-${drawn++}`;
  const gradient = svg('linearGradient', { id, x1: 0, y1: 0, x2: 1, y2: 1 },
    svg('stop', { offset: 0, 'stop-color': colour }), svg('stop', { offset: 1, 'stop-color': to }));
  return [svg('defs', {}, gradient), `url(#${id})`];
}

/** @param {string} id of the concert */
export function poster(id) {
  const seed = seedOf(id);
  const colours = palettes[seed % palettes.length] ?? [];
  const [defs, fill] = ground(colours[0] ?? '', colours[1] ?? '');
  const motif = motifs[(seed >>> 8) % motifs.length] ?? beams;
  return svg('svg', { class: 'art', viewBox: `0 0 ${wide} ${high}`, preserveAspectRatio: 'xMidYMid slice', 'aria-hidden': 'true' },
    defs, svg('rect', { width: wide, height: high, fill }), ...motif({ roll: dice(seed), colours }));
}

/** The stage behind the welcome. */
export function stageLights() {
  const roll = dice(7);
  const colours = ['#ff6aa8', '#8f7bff', '#5fe0c8', '#ffbf4d'];
  const [defs, fill] = ground('#120c33', '#2a1a6b');
  return svg('svg', { class: 'art', viewBox: '0 0 1200 520', preserveAspectRatio: 'xMidYMax slice', 'aria-hidden': 'true' },
    defs, svg('rect', { width: 1200, height: 520, fill }),
    ...many(9, (i) => {
      const top = 470 + i * 90;
      const foot = 330 + i * 125 + roll() * 60;
      return svg('path', { class: `beam beam-${i % 3}`, d: `M${top} -20 L${foot - 70} 560 L${foot + 80} 560 Z`, fill: colours[i % 4] ?? '', opacity: 0.2 });
    }),
    ...crowd(roll, '#0b0722', 508, 1200), svg('rect', { y: 500, width: 1200, height: 20, fill: '#0b0722' }));
}
