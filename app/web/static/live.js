"use strict";
// Keeps a tracking page up to date while it is open, and shows its times in the reader's own zone. Without it the page is complete.
(() => {
  const main = document.querySelector("main");
  const list = document.querySelector("ol");
  const { language, zone, news, headings, advice } = JSON.parse(main.dataset.live);
  const moment = new Intl.DateTimeFormat(language, {
    day: "2-digit",
    month: language === "pt-BR" ? "2-digit" : "short",
    year: "numeric",
    hour: "2-digit",
    minute: "2-digit",
    hourCycle: "h23",
  });

  function element(name, text = "", children = []) {
    const made = document.createElement(name);
    made.textContent = text;
    made.append(...children);
    return made;
  }

  function localize(time) {
    time.textContent = moment.format(new Date(time.dateTime));
    return time;
  }

  function told(step) {
    return [[step.city, step.uf].filter(Boolean).join("/"), step.description].filter(Boolean);
  }

  // As the template has it: a step says its status where that is new, and else only where the parcel was.
  function item(step, before) {
    const isChange = !before || before.status !== step.status;
    const lines = [...(isChange ? [headings[step.status]] : []), ...told(step)];
    const time = element("time");
    time.dateTime = step.occurred_at;
    const made = element("li", "", [
      ...lines.map((line, place) => (place ? element("p", line) : element("p", "", [element("strong", line)]))),
      element("p", "", [localize(time)]),
    ]);
    made.className = isChange ? "change" : "";
    return made;
  }

  function show({ status, steps }) {
    const known = new Set([...list.querySelectorAll("time")].map((time) => Date.parse(time.dateTime)));
    const items = steps.map((step, place) => item(step, steps[place - 1]));
    list.replaceChildren(...[...items].reverse());
    const isNew = steps.map((step) => !known.has(Date.parse(step.occurred_at)));
    items.forEach((made, place) => made.classList.toggle("new", isNew[place]));
    main.className = status;
    document.title = `${headings[status]} – Postagens`;
    document.querySelector("h1").textContent = headings[status];
    document.getElementById("advice").textContent = advice[status];
    document.querySelectorAll(".stalled").forEach((outdated) => outdated.remove());
    const step = steps[isNew.lastIndexOf(true)] || steps[steps.length - 1];
    document.querySelector(".news").textContent = `${news} ${[headings[step.status], ...told(step)].join(" · ")}`;
  }

  let stream;
  let number = Number(main.dataset.number);
  const live = document.querySelector(".live");

  function follow() {
    stream = new EventSource(main.dataset.events);
    stream.onopen = () => (live.hidden = false);
    stream.addEventListener("tracking", (event) => {
      if (Number(event.lastEventId) > number) {
        number = Number(event.lastEventId);
        show(JSON.parse(event.data));
      }
    });
    stream.addEventListener("finished", () => {
      unfollow();
      document.removeEventListener("visibilitychange", look);
      document.querySelectorAll(".estimated").forEach((outdated) => outdated.remove());
    });
    stream.onerror = () => {
      live.hidden = true;
      // A lost connection is taken up by the browser; a refusal is not.
      if (stream.readyState === EventSource.CLOSED) setTimeout(look, 15_000 + Math.random() * 15_000);
    };
  }

  function unfollow() {
    stream.close();
    live.hidden = true;
  }

  // Nobody looks at a hidden page, and a browser has few connections for all pages of a site.
  function look() {
    if (document.hidden) unfollow();
    else if (stream.readyState === EventSource.CLOSED) follow();
  }

  if (main.dataset.events) {
    follow();
    document.addEventListener("visibilitychange", look);
  }
  document.querySelectorAll("time").forEach(localize);
  const named = new Intl.DateTimeFormat(language, { timeZoneName: "longGeneric" }).formatToParts();
  document.querySelector(".zone").textContent = zone.replace("{}", named.find((part) => part.type === "timeZoneName").value);
})();
