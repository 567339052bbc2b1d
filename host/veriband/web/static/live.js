// Keeps the page as the store is: asks every two seconds, and puts in place only what has changed.
"use strict";

const EVERY_MS = 2000;
const PATIENCE_MS = 20000;
let version = document.documentElement.dataset.version;
let shown = parts(document);
let timer = 0;

function parts(page) {
  return new Map([...page.querySelectorAll("main > section")].map((s) => [s.id, s.outerHTML]));
}

const words = (id) => document.getElementById(id).dataset;

function say(live, trouble) {
  document.documentElement.dataset.live = live ? "yes" : "no";
  document.getElementById("live").textContent = live ? words("live").live : words("live").notLive;
  const told = document.getElementById("trouble");
  if (told.textContent !== trouble) told.textContent = trouble;
}

// Puts `content` in place of `old`; what was open stays open, what was typed, the focus and the
// scrolling stay.
function put(old, content) {
  const typed = [...old.querySelectorAll("input[id]")].filter((i) => i.value !== i.defaultValue);
  const cursors = typed.map((i) => [i.id, i.value, i.selectionStart, i.selectionEnd]);
  const open = [...old.querySelectorAll("details[open]")].map((d) => d.id);
  const scrolled = [...old.querySelectorAll(".scrolling")].map((d) => [d.id, d.scrollLeft]);
  const active = old.contains(document.activeElement) ? document.activeElement : null;
  const href = active && active.getAttribute("href");
  const id = active && (active.id || active.parentElement.id);
  old.replaceWith(content);
  for (const each of open) document.getElementById(each)?.setAttribute("open", "");
  for (const [each, x] of scrolled) {
    const box = document.getElementById(each);
    if (box) box.scrollLeft = x;
  }
  for (const [each, value, ...selection] of cursors) {
    const field = document.getElementById(each);
    if (field) {
      field.value = value;
      field.setSelectionRange(...selection);
    }
  }
  if (!active) return;
  const same = href
    ? [...content.querySelectorAll("a")].find((a) => a.getAttribute("href") === href)
    : id && document.getElementById(id);
  if (same && same.id !== active.id) same.querySelector(active.localName)?.focus({ preventScroll: true });
  else same?.focus({ preventScroll: true });
}

function update(page) {
  const now = parts(page);
  const main = document.querySelector("main");
  if ([...now.keys()].join() === [...shown.keys()].join()) {
    for (const [id, html] of now) {
      if (html !== shown.get(id)) put(document.getElementById(id), page.getElementById(id));
    }
  } else {
    put(main, page.querySelector("main"));
  }
  shown = now;
  version = page.documentElement.dataset.version;
  document.title = page.title;
  document.querySelector("#state time").replaceWith(page.querySelector("#state time"));
}

// Tells which alerts were shown here, in this version: they are owed to this page no more.
async function tellShown() {
  const token = document.querySelector("[data-token]")?.dataset.token;
  const seen = [...document.querySelectorAll("[data-shown]")].map((a) => a.dataset.shown);
  if (document.hidden || !token || !seen.length) return;
  const form = new URLSearchParams({ token });
  for (const each of seen) form.append("shown", each);
  const signal = AbortSignal.timeout(PATIENCE_MS);
  await fetch("/care/shown", { method: "POST", body: form, signal });
}

async function look() {
  clearTimeout(timer);
  try {
    const answer = await fetch(location.href, {
      cache: "no-store",
      headers: { "If-None-Match": version },
      signal: AbortSignal.timeout(PATIENCE_MS),
    });
    if (answer.status === 304) {
      say(true, "");
      await tellShown();
      return;
    }
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    if (answer.status < 500) {
      update(page);
      say(true, "");
      await tellShown();
    } else if (document.querySelector("main .failure")) {
      say(false, "");
    } else {
      say(false, page.querySelector(".failure")?.textContent ?? words("trouble").failed);
    }
  } catch {
    say(false, words("trouble").noAnswer);
  } finally {
    if (!document.hidden) timer = setTimeout(look, EVERY_MS);
  }
}

document.addEventListener("visibilitychange", () => {
  if (!document.hidden) look();
});
look();
