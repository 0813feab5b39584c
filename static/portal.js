/* Small comforts on pages that work without them. Nothing here decides anything: the server does. */
(() => {
  "use strict";

  const REPEAT_AFTER = 3000; // milliseconds during which a second press of the same form is a slip of the hand
  const announcements = document.getElementById("annonces");
  const notice = document.getElementById("avis");
  const failed = notice ? notice.querySelector("p").textContent : "";

  /* --- What is said aloud --------------------------------------------------------------------------------------- */

  let waiting = [];
  let timer = 0;

  // Said together after a pause: a region that changes twice in a row is often read only once.
  function announce(text) {
    const sentence = text.replace(/\s+/g, " ").trim();
    if (!announcements || !sentence || waiting.includes(sentence)) return;
    waiting.push(sentence);
    announcements.textContent = "";
    window.clearTimeout(timer);
    timer = window.setTimeout(() => {
      announcements.textContent = waiting.join(" ");
      waiting = [];
    }, 150);
  }

  function announceWithin(root) {
    const marked = root.matches("[data-announce]") ? [root] : [...root.querySelectorAll("[data-announce]")];
    marked.forEach((element) => announce(textToSay(element)));
  }

  function textToSay(element) {
    return element.getAttribute("data-announce") || element.textContent;
  }

  function showNotice(text) {
    notice.querySelector("p").textContent = text;
    notice.hidden = false;
    announce(text);
  }

  /* --- Where focus goes ----------------------------------------------------------------------------------------- */

  function focusOn(element) {
    if (!element.matches("a[href], button, input, select, textarea, summary, [tabindex]")) {
      element.setAttribute("tabindex", "-1");
    }
    element.focus();
  }

  function isTypingSearch() {
    const active = document.activeElement;
    if (!active || !active.matches("input, textarea")) return false;
    if (["checkbox", "radio", "button", "submit", "range"].includes(active.type)) return false;
    return active.type === "search" || active.closest("[role=search], search") !== null;
  }

  // One answer may replace several pieces: focus is decided once, when all of them are in place.
  let swapped = [];

  function settleFocus(target, request) {
    const roots = swapped.filter((root) => root.isConnected);
    swapped = [];
    if (!roots.length || isTypingSearch()) return;
    const summary = roots.map((root) => root.querySelector("#error-summary")).find(Boolean);
    // After an innerHTML swap htmx names the element that was filled, not what came into it.
    const asking = roots.map((root) => (root.matches("[data-focus]") ? root : root.querySelector(":scope > [data-focus]")));
    const event = request && request.triggeringEvent;
    const pressed = [request && request.elt, event && event.submitter, event && event.target];
    const gone = pressed.some((element) => element && element.isConnected === false);
    const lost = gone && [null, document.body].includes(document.activeElement);
    if (summary) {
      focusOn(summary);
    } else if (asking.some(Boolean)) {
      focusOn(asking.find(Boolean));
    } else if (lost) {
      const root = roots.includes(target) ? target : roots[roots.length - 1];
      focusOn(root.querySelector("h1, h2, h3, h4") || root);
    }
  }

  document.addEventListener("htmx:afterSettle", (event) => {
    const root = event.target;
    const detail = event.detail;
    if (notice) notice.hidden = true;
    announceWithin(root);
    if (!swapped.length) {
      window.setTimeout(() => settleFocus(detail.target, detail.requestConfig));
    }
    swapped.push(root);
  });

  /* --- When an answer does not come ----------------------------------------------------------------------------- */

  document.addEventListener("htmx:responseError", (event) => {
    if (!notice) return;
    const answer = new DOMParser().parseFromString(event.detail.xhr.responseText || "", "text/html");
    const said = answer.querySelector("[data-announce]");
    showNotice(said ? textToSay(said) : failed);
  });
  ["htmx:sendError", "htmx:timeout"].forEach((name) => {
    document.addEventListener(name, () => notice && showNotice(notice.dataset.offline));
  });
  if (notice) {
    notice.querySelector("button").addEventListener("click", () => {
      notice.hidden = true;
    });
  }

  /* --- Forms sent once ------------------------------------------------------------------------------------------ */

  const sent = new Map(); // form → when it left

  function release(form) {
    sent.delete(form);
    form.querySelectorAll("[data-busy]").forEach((button) => {
      button.removeAttribute("aria-disabled");
      button.removeAttribute("data-busy");
    });
  }

  // Capture: a repeated press must be stopped before htmx sees it. Reading twice harms nobody, so GET is left alone.
  // The button is not `disabled`: its name and value have to travel.
  document.addEventListener(
    "submit",
    (event) => {
      const form = event.target;
      const reads = (form.getAttribute("method") || "get").toLowerCase() === "get";
      const reallyReads = reads && !form.matches("[hx-post], [hx-put], [hx-patch], [hx-delete]");
      if (reallyReads || form.hasAttribute("data-allow-repeat")) return;
      if (Date.now() - (sent.get(form) || 0) < REPEAT_AFTER) {
        event.preventDefault();
        event.stopImmediatePropagation();
        return;
      }
      sent.set(form, Date.now());
      const button = event.submitter || form.querySelector("button:not([type]), [type=submit]");
      if (button) {
        button.setAttribute("aria-disabled", "true");
        button.setAttribute("data-busy", "");
      }
      window.setTimeout(() => release(form), REPEAT_AFTER);
    },
    true,
  );
  document.addEventListener("htmx:afterRequest", (event) => {
    const form = event.target.closest && event.target.closest("form");
    if (form) release(form);
  });
  window.addEventListener("pageshow", (event) => {
    if (event.persisted) [...sent.keys()].forEach(release);
  });

  /* --- Panels that fold ----------------------------------------------------------------------------------------- */

  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || event.defaultPrevented) return;
    const open = [...document.querySelectorAll("details[data-dismiss][open]")].filter(
      (panel) => panel.querySelector("summary").getClientRects().length,
    );
    const panel = open.find((candidate) => candidate.contains(document.activeElement)) || open[0];
    if (!panel) return;
    const held = panel.contains(document.activeElement);
    panel.open = false;
    if (held) panel.querySelector("summary").focus();
  });

  // Browsers that know ::details-content are served by the style sheet alone.
  function openWide(root) {
    if (CSS.supports("selector(::details-content)") || !window.matchMedia("(min-width: 62rem)").matches) return;
    root.querySelectorAll("details[data-open-wide]").forEach((panel) => {
      panel.open = true;
    });
  }

  document.addEventListener("change", (event) => {
    const question = event.target.closest("fieldset");
    if (!question) return;
    question.querySelectorAll("details[data-count-chosen]").forEach((group) => {
      const count = group.querySelectorAll("input:checked").length;
      const shown = group.querySelector("[data-chosen]");
      shown.textContent = `${count} choisi${count > 1 ? "s" : ""}`;
      shown.hidden = count === 0;
    });
  });

  /* --- Print ---------------------------------------------------------------------------------------------------- */

  function offerPrint(root) {
    root.querySelectorAll("[data-print]").forEach((button) => {
      button.hidden = false;
    });
  }

  document.addEventListener("click", (event) => {
    if (event.target.closest("[data-print]")) window.print();
  });

  /* --- Copy ----------------------------------------------------------------------------------------------------- */

  function offerCopy(root) {
    if (!navigator.clipboard) return;
    root.querySelectorAll("[data-copy]").forEach((button) => {
      button.hidden = false;
    });
  }

  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-copy]");
    if (!button) return;
    navigator.clipboard.writeText(button.dataset.copy).then(() => {
      button.querySelector("span").textContent = button.dataset.copied;
      announce(button.dataset.copied);
    });
  });
  offerCopy(document);

  /* --- Links of e-mails ------------------------------------------------------------------------------------------ */

  // A scanner of mail follows links and runs no script: a reader's browser presses the button for them.
  const alone = document.querySelector("form[data-press-alone]");
  if (alone) alone.requestSubmit();

  /* --- Answers kept while typing ----------------------------------------------------------------------------------- */

  // When the server does not answer, the line that says "kept" must not go on saying it.
  ["htmx:sendError", "htmx:timeout", "htmx:responseError"].forEach((name) => {
    document.addEventListener(name, (event) => {
      const aside = event.target.closest && event.target.closest("[data-autosave]");
      const line = aside && aside.querySelector(".kept");
      if (line) line.textContent = "Non enregistré pour l’instant : le portail ne répond pas. Ne fermez pas cette page.";
    });
  });

  /* --- Links to a question ---------------------------------------------------------------------------------------- */

  // A question may be folded away: it is opened before the browser goes there.
  document.addEventListener("click", (event) => {
    const link = event.target.closest('a[href^="#"]');
    const target = link && link.hash.length > 1 && document.getElementById(link.hash.slice(1));
    for (let panel = target && target.closest("details"); panel; panel = panel.parentElement.closest("details")) {
      panel.open = true;
    }
  });

  /* --- Opening hours ---------------------------------------------------------------------------------------------- */

  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-week-copy]");
    if (!button) return;
    const week = button.closest("[data-week]");
    const times = (day) => [...week.querySelectorAll(`[data-week-day="${day}"] input`)];
    const monday = times("mo").map((input) => input.value);
    ["tu", "we", "th", "fr"].forEach((day) => {
      times(day).forEach((input, place) => {
        input.value = monday[place];
      });
    });
    // Told once: what is kept while typing listens to changes.
    times("fr")[0].dispatchEvent(new Event("change", { bubbles: true }));
    announce(button.dataset.copied);
  });
  document.querySelectorAll("[data-week-copy]").forEach((button) => {
    button.hidden = false;
  });

  /* --- Maps ------------------------------------------------------------------------------------------------------- */

  // A map weighs as much as all the rest: its files are asked for when one is seen, once.
  const arriving = new Map(); // address → promise

  function bring(address) {
    if (!arriving.has(address)) {
      const isStyle = /\.css(\?|$)/.test(address);
      const element = document.createElement(isStyle ? "link" : "script");
      if (isStyle) Object.assign(element, { rel: "stylesheet", href: address });
      else Object.assign(element, { src: address, async: false });
      arriving.set(
        address,
        new Promise((done, failed) => {
          element.addEventListener("load", done);
          element.addEventListener("error", failed);
          document.head.append(element);
        }),
      );
    }
    return arriving.get(address);
  }

  function offerMaps(root) {
    root.querySelectorAll("[data-map]:not([data-map-ready])").forEach((frame) => {
      const folded = frame.closest("details:not([open])");
      if (folded) {
        folded.addEventListener("toggle", () => offerMaps(folded), { once: true });
        return;
      }
      frame.dataset.mapReady = "";
      Promise.all(frame.dataset.mapFiles.split(" ").map(bring)).then(
        () => window.portalMap(frame),
        () => {
          frame.hidden = true;
          const note = frame.parentElement.querySelector(".map-note");
          if (note) note.textContent = frame.dataset.mapFailed;
        },
      );
    });
  }

  /* --- Filters that stay as they were opened ------------------------------------------------------------------------ */

  // A button that is far from what it brings, at the end of a long drawer, leads there.
  document.addEventListener("htmx:afterSettle", (event) => {
    const request = event.detail.requestConfig;
    const button = request && request.triggeringEvent && request.triggeringEvent.submitter;
    if (!button || isTypingSearch() || button.dataset.leadsTo !== event.target.id) return;
    focusOn(event.target.querySelector("h2") || event.target);
  });

  // New counts come with new filters: what was unfolded or folded by hand stays so.
  const folds = new Map();
  document.addEventListener("htmx:oobBeforeSwap", (event) => {
    const filters = event.detail.target;
    if (!filters.matches("[data-keep-open]")) return;
    filters.querySelectorAll("details[id]").forEach((panel) => folds.set(panel.id, panel.open));
  });
  // Told by what came in, as many times as there are pieces: the first one is enough.
  document.addEventListener("htmx:oobAfterSwap", (event) => {
    const filters = event.detail.target;
    if (!folds.size || !filters.matches("[data-keep-open]")) return;
    filters.querySelectorAll("details[id]").forEach((panel) => {
      if (folds.has(panel.id)) panel.open = folds.get(panel.id);
    });
    folds.clear();
  });

  /* --- Offers ticked from one page of results to the next ----------------------------------------------------------- */

  // The boxes leave with their page of results: those that are ticked wait in their form, until they are shown again.
  function waitingBoxes() {
    return document.querySelector("[data-keep-ticked]");
  }

  document.addEventListener("htmx:beforeSwap", (event) => {
    const kept = waitingBoxes();
    if (!kept || !event.detail.shouldSwap) return;
    event.detail.target.querySelectorAll("input[name=offre]:checked").forEach((box) => {
      const line = box.closest(".form-check");
      const name = line.querySelector(".visually-hidden");
      // Out of its card, a box says which offer it is.
      if (name) line.querySelector("label").textContent = name.textContent.replace(/^\s*:\s*/, "");
      // A copy of the page, kept to come back to it, holds attributes only.
      box.setAttribute("checked", "");
      kept.append(line);
    });
  });

  document.addEventListener("htmx:afterSettle", () => {
    const kept = waitingBoxes();
    if (!kept) return;
    kept.querySelectorAll("input[name=offre]").forEach((box) => {
      const shown = [...document.querySelectorAll("#offers-results input[name=offre]")].find(
        (one) => one.value === box.value,
      );
      if (shown) shown.checked = shown.checked || box.checked;
      if (shown || !box.checked) box.closest(".form-check").remove();
    });
    kept.hidden = !kept.querySelector("input");
  });

  /* --- First view ----------------------------------------------------------------------------------------------- */

  document.addEventListener("htmx:afterSettle", (event) => {
    const around = event.target.parentElement || event.target;
    openWide(around);
    offerPrint(around);
    offerMaps(around);
  });
  openWide(document);
  offerPrint(document);
  offerMaps(document);
  const summary = document.getElementById("error-summary");
  if (summary) summary.focus();
  announceWithin(document.documentElement);
})();
