// The search page. Pagefind finds words; this file knows the book's terms in each of their
// spellings, Korean particles and English plurals, and shows what was found.

const FOLDER = new URL("../pagefind/", import.meta.url).href;
const ENOUGH = 5; // with fewer pages than that, pages with some of the words are shown, too
const LOOKED_AT = 30; // Japanese pages whose text is compared with the query
const SHOWN = 10; // results at a time
const SECTIONS = 3; // links to sections below a result
const EXCERPT = { en: 200, ja: 100, ko: 110 }; // letters
const PAUSE = 200; // milliseconds after the last letter before a search begins

// How much it counts that a page has a word in its title, teaches the term, uses the word in code.
const RANKING = { metaWeights: { title: 5, terms: 15, code: 0.1, part: 0 } };

// ---- words ---------------------------------------------------------------------------------------

// The words of a text in small letters of one width.
export function words(text) {
  return text.normalize("NFKC").toLowerCase().match(/[\p{L}\p{M}\p{N}ー]+/gu) ?? [];
}

// Katakana as Hiragana, letter by letter, so that either may be typed.
function folded(text) {
  return text.replace(/[ァ-ヶ]/g, (letter) => String.fromCharCode(letter.charCodeAt(0) - 0x60));
}

// Korean particles: those that follow a consonant, those that follow a vowel, and the others.
const AFTER_CONSONANT = ["은", "이", "을", "과", "으로"];
const AFTER_VOWEL = ["는", "가", "를", "와", "로"];
const ANYWHERE = ["에서", "에", "의"];

function isParticle(text, before) {
  if (ANYWHERE.includes(text)) return true;
  if (!/[가-힣]$/.test(before)) return [...AFTER_CONSONANT, ...AFTER_VOWEL].includes(text);
  // Unicode orders syllables by vowel, 28 for each; the first of these has no consonant at its end
  const consonant = (before.charCodeAt(before.length - 1) - 0xac00) % 28;
  return (consonant ? AFTER_CONSONANT : AFTER_VOWEL).includes(text);
}

function withoutParticle(word) {
  for (const length of [2, 1]) {
    const before = word.slice(0, -length);
    if (/[가-힣]$/.test(before) && isParticle(word.slice(-length), before)) return before;
  }
  return word;
}

function segments(text) {
  if (!("Segmenter" in Intl)) return [{ segment: text, index: 0, isWordLike: true }];
  return [...new Intl.Segmenter("ja", { granularity: "word" }).segment(text)];
}

// The Japanese words of a text. Short words in Hiragana join others and are found everywhere.
function japanese(text) {
  const all = segments(text).filter((part) => part.isWordLike).map((part) => part.segment);
  const others = all.filter((word) => !/^[ぁ-んー]+$/.test(word));
  return others.length ? others : all;
}

// The forms in which a spelling stands in a query: English plurals, a long vowel at the end or not.
function forms(letters) {
  if (/[a-z]$/.test(letters)) {
    if (/[^aeiou]y$/.test(letters)) return [letters, `${letters.slice(0, -1)}ies`];
    if (/is$/.test(letters)) return [letters, `${letters.slice(0, -2)}es`];
    return [letters, `${letters}s`, `${letters}es`];
  }
  return /[ぁ-ん]$/.test(letters) ? [letters, `${letters}ー`] : [letters, letters.replace(/ー$/, "")];
}

// All forms of all terms with the keys of these terms, the longest first.
export function spelled(terms) {
  const found = new Map();
  for (const [key, spellings] of Object.entries(terms)) {
    for (const spelling of spellings) {
      for (const form of forms(folded(words(spelling).join("")))) {
        found.set(form, new Set(found.get(form)).add(key));
      }
    }
  }
  return [...found].sort(([one], [other]) => other.length - one.length);
}

// What a query asks for: keys of terms, and its words with the terms in the book's own spelling.
// Of terms that are part of a longer one, the longer one alone counts.
export function understand(query, language, terms, spellings) {
  const typed = words(query);
  const letters = typed.join("");
  const borders = new Set([0]);
  for (const word of typed) borders.add(Math.max(...borders) + word.length);
  let rest = folded(letters); // what is understood becomes blank
  const found = [];
  for (const [form, keys] of spellings) {
    for (let at = rest.indexOf(form); at >= 0; at = rest.indexOf(form, at + 1)) {
      const end = at + form.length;
      const own = [...keys].some((key) => terms[key][0] === letters.slice(at, end));
      if (!isWhole(letters, form, at, end, borders, own)) continue;
      found.push({ at, end, keys: [...keys] });
      rest = rest.slice(0, at) + " ".repeat(form.length) + rest.slice(end);
    }
  }
  found.sort((one, other) => one.at - other.at);
  const asked = [];
  let last = 0;
  const add = (from, to) => {
    const cuts = [...borders].filter((border) => border > from && border < to).sort((a, b) => a - b);
    for (const cut of [...cuts, to]) {
      const word = letters.slice(from, cut);
      from = cut;
      if (!word || (asked.length && isParticle(word, asked.at(-1)))) continue;
      if (language === "ja") asked.push(...japanese(word));
      else asked.push(language === "ko" ? withoutParticle(word) : word);
    }
  };
  for (const { at, end, keys } of found) {
    add(last, at);
    asked.push(terms[keys[0]][0]);
    last = end;
  }
  add(last, letters.length);
  return { keys: [...new Set(found.flatMap((term) => term.keys))], words: asked };
}

// Whether letters that look like a term are one, and not by chance a part of another word.
function isWhole(letters, form, at, end, borders, own) {
  if (/[a-z]/.test(form)) return borders.has(at) && (borders.has(end) || !/[a-z]/.test(letters[end]));
  if (/[가-힣]/.test(form)) {
    if (!borders.has(at)) return false;
    const next = Math.min(...[...borders].filter((border) => border >= end));
    return form.length > 1 || next === end || isParticle(letters.slice(end, next), form);
  }
  // Japanese is written without spaces, so a term may stand anywhere. One of a single letter is a
  // word or ends one (座標軸); another spelling of a single letter is a word (形, but not in 線形).
  if (form.length > 1) return true;
  return segments(letters).some(
    ({ index, segment }) => index + segment.length === end && (own || index === at),
  );
}

// ---- what Pagefind is asked ----------------------------------------------------------------------

let loaded = null;

async function load() {
  const [pagefind, answer] = await Promise.all([
    import(`${FOLDER}pagefind.js`),
    fetch(`${FOLDER}terms.json`),
  ]);
  await pagefind.options({ ranking: RANKING });
  const terms = await answer.json();
  return { pagefind, terms, spellings: spelled(terms) };
}

// The pages found, best first, and what finds the query's words in a text. Pagefind forgets what a
// result holds when the result itself is gone, so the result is kept, not only its `data`.
export async function find(query, language = document.documentElement.lang) {
  loaded ??= load();
  const { pagefind, terms, spellings } = await loaded;
  const { keys, words: own } = understand(query, language, terms, spellings);
  const pattern = patternOf(own, language);
  const pages = new Map();
  const ask = async (text, weight, taught = false) => {
    for (const result of (await pagefind.search(text)).results) {
      const page = pages.get(result.id) ?? { score: 0, best: 0, result };
      page.score += weight * result.score;
      page.taught ||= taught;
      // the excerpt comes from the question that fits the page best
      if (result.words.length && weight * result.score > page.best) {
        page.best = weight * result.score;
        page.result = result;
      }
      pages.set(result.id, page);
    }
  };
  for (const key of keys) await ask(key, 1, true);
  const whole = own.join(" ");
  if (whole) await ask(whole, 1);
  // what looks like a Korean particle may belong to the word
  if (language === "ko" && query.trim() !== whole) await ask(query, 1);
  if (pages.size < ENOUGH && own.length > 1) {
    for (const word of new Set(own)) await ask(word, 0.01);
  }
  // Where several chapters teach a term of this spelling, all of them come before other pages.
  const before = (one, other) => other.taught - one.taught || other.score - one.score;
  let found = [...pages.values()].sort(before);
  if (language === "ja") {
    // Index and browser split Japanese differently, so pieces may be found that are no words.
    found = found.slice(0, LOOKED_AT);
    const texts = await Promise.all(found.map((page) => page.result.data()));
    found = found.filter((page, i) => {
      const { content, meta } = texts[i];
      return page.taught || `${content} ${meta.code}`.search(pattern) >= 0;
    });
  }
  return { found, pattern };
}

// ---- excerpts ------------------------------------------------------------------------------------

function patternOf(own, language) {
  const escaped = own.map((word) => word.replace(/[^\p{L}\p{M}\p{N}]+/gu, "[^\\p{L}\\p{N}]*"));
  const parts = {
    en: (word) => `(?<![\\p{L}\\p{N}])${word.replace(/(?<=..)(?:ies|es|s|y)$/, "")}\\p{L}*`,
    ja: (word) => word,
    ko: (word) => `(?<![\\p{L}\\p{N}])${word}`,
  };
  const alternatives = [...new Set(escaped)].map(parts[language] ?? parts.ja);
  return new RegExp(alternatives.join("|") || "(?!)", "giu");
}

// The passage in which most of the words stand: [text, whether it is one of them] in turn.
export function excerpt(text, pattern, length) {
  const hits = [...text.matchAll(pattern)].map((hit) => [hit.index, hit.index + hit[0].length]);
  if (!hits.length) return null;
  const within = (start) => hits.filter(([from, to]) => from >= start && to <= start + 0.8 * length);
  const value = (start) => {
    const there = within(start).map(([from, to]) => text.slice(from, to).toLowerCase());
    return 10 * new Set(there).size + there.length;
  };
  const first = hits.reduce((best, hit) => (value(hit[0]) > value(best[0]) ? hit : best))[0];
  let start = Math.max(0, first - Math.round(length / 5));
  if (start) {
    const border = text.slice(start, first).match(/[\s。、]+(?=\S)/);
    if (border) start += border.index + border[0].length;
  }
  let end = Math.min(text.length, start + length);
  if (end < text.length) end -= text.slice(end - 20, end).match(/\s\S*$/)?.[0].length ?? 0;
  const pieces = [[start ? "… " : "", false]];
  let last = start;
  for (const [from, to] of hits.filter((hit) => hit[0] >= start && hit[1] <= end)) {
    pieces.push([text.slice(last, from), false], [text.slice(from, to), true]);
    last = to;
  }
  pieces.push([text.slice(last, end) + (end < text.length ? " …" : ""), false]);
  return pieces;
}

// ---- the page ------------------------------------------------------------------------------------

function element(name, attributes, ...children) {
  const made = Object.assign(document.createElement(name), attributes);
  made.append(...children.filter(Boolean));
  return made;
}

function quotation(pieces) {
  return pieces.map(([text, marked]) => (marked ? element("mark", {}, text) : text));
}

function shown(data, pattern, language) {
  const pieces = excerpt(data.content, pattern, EXCERPT[language] ?? EXCERPT.en);
  const text = pieces ?? [[data.plain_excerpt.replace(/&lt;/g, "<").replace(/&gt;/g, ">"), false]];
  const sections = (data.sub_results ?? [])
    .filter((part) => part.anchor && part.title !== data.meta.title)
    .filter((part) => `${part.title} ${part.plain_excerpt}`.search(pattern) >= 0)
    .sort((one, other) => other.locations.length - one.locations.length)
    .slice(0, SECTIONS);
  return element(
    "li",
    {},
    element("a", { className: "found", href: data.url }, data.meta.title),
    data.meta.part && element("span", { className: "part" }, data.meta.part),
    element("p", {}, ...quotation(text)),
    sections.length &&
      element(
        "ul",
        {},
        ...sections.map((part) => element("li", {}, element("a", { href: part.url }, part.title))),
      ),
  );
}

export function start(page) {
  const language = document.documentElement.lang;
  const field = page.querySelector("input[name=q]");
  const status = page.querySelector("[role=status]");
  const list = page.querySelector("ol");
  const more = page.querySelector("button.more");
  const say = (text, values = {}) => {
    status.textContent = (text ?? "").replace(/\{(\w+)\}/g, (_, name) => values[name]);
  };
  let asked = null;
  let waiting = null;

  async function show(query) {
    if (query === asked) return;
    asked = query;
    const address = new URL(location.href);
    if (query) address.searchParams.set("q", query);
    else address.searchParams.delete("q");
    history.replaceState(null, "", address);
    for (const link of document.querySelectorAll(".language-switch a")) link.search = address.search;
    if (!query) {
      list.replaceChildren();
      more.hidden = true;
      say("");
      return;
    }
    try {
      const { found, pattern } = await find(query, language);
      if (query !== asked) return; // another search has begun
      list.replaceChildren();
      say(found.length ? page.dataset.found : page.dataset.nothing, { count: found.length, query });
      const next = async () => {
        const some = found.splice(0, SHOWN);
        more.hidden = !found.length;
        const texts = await Promise.all(some.map((one) => one.result.data()));
        if (query !== asked) return;
        const items = texts.map((data) => shown(data, pattern, language));
        list.append(...items);
        return items[0];
      };
      more.onclick = async () => (await next())?.querySelector("a").focus();
      await next();
    } catch (error) {
      console.warn(error);
      list.replaceChildren();
      asked = null;
      loaded = null;
      say(page.dataset.failed);
    }
  }

  page.querySelector("form").addEventListener("submit", (event) => {
    event.preventDefault();
    clearTimeout(waiting);
    show(field.value.trim());
  });
  field.addEventListener("input", (event) => {
    if (event.isComposing) return; // Japanese or Korean letters that are not chosen yet
    clearTimeout(waiting);
    waiting = setTimeout(() => show(field.value.trim()), PAUSE);
  });
  field.addEventListener("compositionend", () => field.dispatchEvent(new Event("input")));
  // the arrow keys go from the field through the results and back
  page.addEventListener("keydown", (event) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (!step || event.isComposing) return;
    const stops = [field, ...list.querySelectorAll("a.found")];
    const next = stops[stops.indexOf(document.activeElement) + step];
    if (!stops.includes(document.activeElement) || !next) return;
    event.preventDefault();
    next.focus();
  });
  field.value = new URLSearchParams(location.search).get("q") ?? "";
  // a phone would show its keyboard over the results
  if (!field.value || matchMedia("(hover: hover)").matches) field.focus();
  show(field.value.trim());
}

const page = globalThis.document?.getElementById("search-page");
if (page) start(page);
