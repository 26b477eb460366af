#pragma once
// The fixed text of a contact sheet: style, controls, dialog and script. Everything that comes from a request
// or an answer is in the cards, as escaped HTML.

namespace flam {

inline constexpr const char* kSheetStyle = R"(
:root { color-scheme: light dark; --back: #fff; --card: #f5f5f5; --text: #222; --soft: #5a5a5a; --line: #ccc;
  --focus: #0b57d0; --bad: #b3261e; }
@media (prefers-color-scheme: dark) { :root { --back: #161616; --card: #242424; --text: #eee; --soft: #b0b0b0;
  --line: #4a4a4a; --focus: #8ab4f8; --bad: #f2b8b5; } }
body { max-width: none; margin: 0; background: var(--back); color: var(--text); }
header { position: sticky; top: 0; z-index: 1; margin: 0 -1rem; padding: .6rem 1rem; background: var(--back);
  border-bottom: 1px solid var(--line); display: flex; flex-wrap: wrap; gap: .4rem 1rem; align-items: center; }
h1 { font-size: 1.1rem; margin: 0; } label { white-space: nowrap; } header > .note { flex-basis: 100%; margin: 0; }
.note { color: var(--soft); font-size: .85rem; }
input, select { font: inherit; color: inherit; background: var(--card); border: 1px solid var(--line);
  border-radius: 4px; padding: .25rem .4rem; max-width: 100%; box-sizing: border-box; }
:focus-visible { outline: 3px solid var(--focus); outline-offset: 1px; }
#cards { list-style: none; margin: 1rem 0; padding: 0; display: grid; gap: .7rem;
  grid-template-columns: repeat(auto-fill, minmax(min(172px, 100%), 1fr)); }
#cards > li { height: 17rem; padding: 3px; contain: strict; }
.script #cards:not(.ready) > li:nth-child(n+201) { display: none; }
#cards button { width: 100%; height: 100%; font: inherit; color: inherit; text-align: left; cursor: pointer;
  display: flex; flex-direction: column; gap: .3rem; padding: .4rem; background: var(--card);
  border: 1px solid var(--line); border-radius: 6px; scroll-margin: 8rem 0 1rem; }
.pictures { display: flex; height: 160px; flex: none; justify-content: center; align-items: center; gap: 2px; width: 100%; }
.pictures img { max-width: 100%; max-height: 100%; min-width: 0; object-fit: contain; flex: 0 1 auto; }
.none { color: var(--soft); } .question { color: var(--soft); }
.question, .answer { overflow-wrap: anywhere; white-space: pre-wrap; }
#cards .question, #cards .answer { display: -webkit-box; -webkit-box-orient: vertical; overflow: hidden; flex: none; }
#cards .question { -webkit-line-clamp: 1; } #cards .answer { -webkit-line-clamp: 3; }
#cards .question + .answer { -webkit-line-clamp: 2; }
.failed .answer { color: var(--bad); }
.facts { margin-top: auto; display: flex; gap: .6rem; align-items: baseline; font-size: .85rem; color: var(--soft); width: 100%; }
.confidence { flex: none; font-variant-numeric: tabular-nums; color: var(--text); }
#cards .name { overflow: hidden; text-overflow: ellipsis; white-space: nowrap; } #cards .folder { display: none; }
@media (max-width: 600px) { header { position: static; } #cards button { scroll-margin: 1rem; } }
.unseen { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
dialog { max-width: min(40rem, calc(100vw - 2rem)); box-sizing: border-box; color: inherit; background: var(--back);
  border: 1px solid var(--line); border-radius: 8px; } dialog::backdrop { background: #0009; }
dialog .answer { font-size: 1.15rem; } dialog p { margin: .5rem 0; } dialog .name { overflow-wrap: anywhere; }
dialog .buttons { display: flex; gap: 1rem; align-items: center; } dialog a { color: var(--focus); }
dialog button { font: inherit; color: inherit; background: var(--card); border: 1px solid var(--line);
  border-radius: 4px; padding: .25rem .8rem; }
)";

inline constexpr const char* kSheetControls = R"(<label>Search <input type="search" id="search"
placeholder="answer or file name" autocomplete="off" aria-keyshortcuts="/" aria-controls="cards"></label>
<label>Sort by <select id="order" aria-controls="cards"><option value="listed">order of the run</option>
<option value="name">name</option><option value="least">least confidence</option>
<option value="most">most confidence</option></select></label>
<output id="count" aria-live="polite"></output>
<p class="note">Confidence is the probability of the answer’s least certain token, or of the chosen candidate.
Keys: / searches, arrow keys move between cards, Enter opens one.</p>
<script>document.documentElement.className = "script";</script>
)";

inline constexpr const char* kSheetDialog = R"(<dialog id="whole" aria-labelledby="whole-answer">
<span class="pictures"></span><p class="question"></p><p class="answer" id="whole-answer"></p>
<p class="facts"></p><p class="buttons"><button type="button" id="close" autofocus>Close</button>
<a target="_blank" rel="noopener">Open the picture</a></p></dialog>
)";

inline constexpr const char* kSheetScript = R"(
"use strict";
const byId = name => document.getElementById(name);
const list = byId("cards"), search = byId("search"), order = byId("order"), whole = byId("whole");
const listed = [...list.children].map(item => {
  const text = name => item.querySelector(name)?.textContent ?? "";
  const confidence = parseFloat(item.dataset.confidence ?? "-1");
  return { item, button: item.firstElementChild, name: text(".name"), confidence,
           text: [text(".question"), text(".answer"), text(".name")].join("\n").toLowerCase() };
});
let sorted = listed, shown = listed, current, opened;
for (const card of listed) {
  card.button.tabIndex = -1;  // Tab goes to one card, and the arrow keys to the others
  card.item.card = card;
}
// Only the cards near the visible ones are in the page, which keeps it quick with ten thousand of them. (Chromium needs
// half a minute to hide thousands of cards that have content-visibility: auto.)
const step = 200;
const end = list.nextElementSibling;
function showMore() {
  const from = list.children.length;
  list.append(...shown.slice(from, from + step).map(card => card.item));
}
new IntersectionObserver(([seen], observer) => {
  if (!seen.isIntersecting || list.children.length >= shown.length) return;
  showMore();
  observer.unobserve(end);  // so that it tells again if the end is still near
  observer.observe(end);
}, { rootMargin: "1500px" }).observe(end);
function setCurrent(card) {
  if (current) current.button.tabIndex = -1;
  current = card;
  if (card) card.button.tabIndex = 0;
}
function filter() {
  const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
  shown = sorted.filter(card => words.every(word => card.text.includes(word)));
  list.replaceChildren();
  showMore();
  const all = listed.length.toLocaleString("en");
  byId("count").textContent = words.length ? `${shown.length.toLocaleString("en")} of ${all}` : all + " cards";
  setCurrent(shown[0]);
}
function sort() {
  const names = new Intl.Collator(undefined, { numeric: true });
  const by = { name: (a, b) => names.compare(a.name, b.name), least: (a, b) => a.confidence - b.confidence,
               most: (a, b) => b.confidence - a.confidence }[order.value];
  sorted = by ? [...listed].sort(by) : listed;
  filter();
}
function columns() {
  return getComputedStyle(list).gridTemplateColumns.split(" ").length;
}
/** The card that a key leads to from the current one; undefined if the key moves nowhere. */
function target(key) {
  const at = shown.indexOf(current);
  const steps = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -columns(), ArrowDown: columns() };
  if (key === "Home") return shown[0];
  if (key === "End") return shown[shown.length - 1];
  return key in steps ? shown[at + steps[key]] : undefined;
}
function focusOn(card) {
  while (!card.item.isConnected && list.children.length < shown.length) showMore();
  setCurrent(card);
  card.button.focus();
}
function open(card) {
  opened = card;
  const part = name => whole.querySelector(name), copy = name => card.item.querySelector(name);
  part(".pictures").replaceChildren(...[...copy(".pictures").children].map(child => child.cloneNode(true)));
  part(".question").textContent = copy(".question")?.textContent ?? "";
  part(".question").hidden = !copy(".question");
  part(".answer").textContent = copy(".answer").textContent;
  part(".facts").replaceChildren(...[...copy(".facts").children].map(child => child.cloneNode(true)));
  const link = part("a");
  link.hidden = !card.item.dataset.link;
  if (card.item.dataset.link) link.href = card.item.dataset.link;
  whole.classList.toggle("failed", card.item.classList.contains("failed"));
  if (!whole.open) whole.showModal();
}
list.addEventListener("click", event => {
  const card = event.target.closest("li")?.card;
  if (!card) return;
  focusOn(card);
  open(card);
});
list.addEventListener("focusin", event => {
  const card = event.target.closest("li")?.card;
  if (card) setCurrent(card);
});
byId("close").addEventListener("click", () => whole.close());
whole.addEventListener("click", event => { if (event.target === whole) whole.close(); });
whole.addEventListener("close", () => focusOn(opened));  // the browser's choice is the card it was opened from
search.addEventListener("input", filter);
order.addEventListener("change", sort);
document.addEventListener("keydown", event => {
  if (event.ctrlKey || event.altKey || event.metaKey) return;
  if (whole.open) {
    const card = ["ArrowLeft", "ArrowRight"].includes(event.key) ? target(event.key) : undefined;
    if (!card) return;
    setCurrent(card);
    event.preventDefault();
    return open(card);
  }
  const on = event.target;
  if (on === search) {
    if (event.key === "Escape" && search.value) { search.value = ""; filter(); event.preventDefault(); }
    if ((event.key === "ArrowDown" || event.key === "Enter") && shown.length) {
      focusOn(current ?? shown[0]);
      event.preventDefault();
    }
    return;
  }
  if (on === order) return;
  if (event.key === "/") {
    event.preventDefault();
    search.focus();
    return search.select();
  }
  const inList = list.contains(on);
  if (!inList && on !== document.body) return;
  const card = inList ? target(event.key) : event.key.startsWith("Arrow") ? current : undefined;
  if (!card) return;
  event.preventDefault();
  focusOn(card);
});
filter();
list.classList.add("ready");
)";

}  // namespace flam
