#pragma once
// The fixed text of a report: style and script. Everything that comes from a record or an answer is in the
// body, as escaped HTML.

namespace flam {

inline constexpr const char* kReportStyle = R"(
:root { color-scheme: light dark; --back: #fff; --card: #f5f5f5; --text: #222; --soft: #5a5a5a; --line: #ccc;
  --bar: #3b76c4; --other: #b07c2a; --focus: #0b57d0; --bad: #b3261e; --good: #006a4d; }
@media (prefers-color-scheme: dark) { :root { --back: #161616; --card: #242424; --text: #eee; --soft: #b0b0b0;
  --line: #4a4a4a; --bar: #7aa7e6; --other: #d9a95b; --focus: #8ab4f8; --bad: #f2b8b5; --good: #7fd6b4; } }
body { background: var(--back); color: var(--text); overflow-wrap: break-word; } .note { color: var(--soft); }
td, th { border-color: var(--line); } .wide { overflow-x: auto; } .failed { color: var(--bad); }
.interval { color: var(--soft); white-space: nowrap; } th { overflow-wrap: normal; }
.columns { display: grid; gap: 0 2rem; grid-template-columns: repeat(auto-fit, minmax(min(24rem, 100%), 1fr)); }
.bars { border-collapse: collapse; width: 100%; } .bars td { border: 0; padding: .1rem .4rem; vertical-align: middle; }
.bars .name { min-width: 5rem; overflow-wrap: anywhere; }
.bars .bar { width: 55%; } @media (max-width: 600px) { .bars .bar { width: 30%; } }
#records td { min-width: 6rem; max-width: 24rem; }
.bar > span { display: block; height: .8rem; min-width: 1px; background: var(--bar); border-radius: 2px; }
.bar > .other { background: var(--other); }
.key { display: inline-block; width: .8em; height: .8em; border-radius: 2px; background: var(--bar); }
.key.other { background: var(--other); }
svg { max-width: 100%; height: auto; } svg text { font: 11px system-ui, sans-serif; fill: var(--soft); }
svg .title { font-size: 13px; fill: var(--text); } svg .grid { stroke: var(--line); }
.filter { position: sticky; top: 0; z-index: 1; background: var(--back); padding: .5rem 0; border-bottom: 1px solid var(--line);
  display: flex; flex-wrap: wrap; gap: .4rem 1rem; align-items: center; margin-top: 2rem; }
.filter input { font: inherit; color: inherit; background: var(--card); border: 1px solid var(--line); border-radius: 4px;
  padding: .25rem .4rem; width: 20rem; max-width: 100%; box-sizing: border-box; }
:focus-visible { outline: 3px solid var(--focus); outline-offset: 1px; }
.cards { list-style: none; margin: 0; padding: 0; display: grid; gap: .7rem;
  grid-template-columns: repeat(auto-fill, minmax(min(15rem, 100%), 1fr)); }
.cards > li { background: var(--card); border: 1px solid var(--line); border-radius: 6px; padding: .6rem; }
.cards img { display: block; width: 100%; height: 10rem; object-fit: contain; margin-bottom: .4rem; }
.cards p { margin: .3rem 0; } .answer { font-weight: 600; } .right .answer { color: var(--good); }
.none { display: grid; place-items: center; height: 10rem; color: var(--soft); }
.small { font-size: .85rem; color: var(--soft); } details pre { white-space: pre-wrap; background: var(--back); margin: .3rem 0; }
[hidden] { display: none !important; }
)";

inline constexpr const char* kReportFilter = R"(<div class="filter" role="search"><label>Filter
<input type="search" id="filter" placeholder="question, answer, id …" autocomplete="off"></label>
<output id="shown" aria-live="polite"></output></div>
)";

inline constexpr const char* kReportScript = R"(
"use strict";
const box = document.getElementById("filter"), shown = document.getElementById("shown");
const items = [...document.querySelectorAll(".cards > li, #records tbody > tr")];
for (const item of items) item.words = item.textContent.toLowerCase();
function filter() {
  const words = box.value.toLowerCase().split(/\s+/).filter(Boolean);
  let rows = 0;
  for (const item of items) {
    item.hidden = !words.every(word => item.words.includes(word));
    rows += !item.hidden && item.tagName === "TR";
  }
  const all = document.querySelectorAll("#records tbody > tr").length;
  shown.textContent = words.length ? `${rows.toLocaleString("en")} of ${all.toLocaleString("en")} records` : "";
}
box.addEventListener("input", filter);
filter();
)";

}  // namespace flam
