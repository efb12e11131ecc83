// Everything here only adds to pages that work without it: relative times, live lists, upload progress, keys.
"use strict";

(() => {
  const words = document.documentElement.dataset;

  // Relative times keep moving while a page stays open.
  const rtf = "RelativeTimeFormat" in Intl
    ? new Intl.RelativeTimeFormat(document.documentElement.lang, { numeric: "auto", style: "short" })
    : null;
  function retell() {
    if (!rtf) return;
    const skew = Number(words.now || Date.now()) - loaded;
    for (const element of document.querySelectorAll("time[datetime]")) {
      const s = (Date.parse(element.dateTime) - (Date.now() + skew)) / 1000;
      const a = Math.abs(s);
      if (a < 45) continue;
      element.textContent =
        a < 5400 ? rtf.format(Math.round(s / 60), "minute")
        : a < 129600 ? rtf.format(Math.round(s / 3600), "hour")
        : rtf.format(Math.round(s / 86400), "day");
    }
  }
  const loaded = Date.now();
  setInterval(retell, 30000);

  // Live parts: the same page is asked again and the part with the same id takes the old one's place.
  // XMLHttpRequest gives a document without running a script of it, so no trusted type is needed.
  function busy(part) {
    return document.hidden || part.contains(document.activeElement) || part.querySelector("input:checked");
  }
  function refresh() {
    const parts = [...document.querySelectorAll("[data-live]")].filter((part) => !busy(part));
    if (!parts.length) return;
    const request = new XMLHttpRequest();
    request.open("GET", location.href);
    request.responseType = "document";
    request.onload = () => {
      if (request.status !== 200 || !request.response) return stale();
      for (const part of parts) {
        const fresh = request.response.getElementById(part.id);
        if (fresh && !busy(part)) part.replaceWith(document.adoptNode(fresh));
      }
      document.body.classList.remove("stale");
    };
    request.onerror = stale;
    request.send();
  }
  function stale() {
    document.body.classList.add("stale");
  }
  if (document.querySelector("[data-live]")) setInterval(refresh, 5000);

  // Ticking all rows.
  document.addEventListener("change", (event) => {
    const all = event.target.closest("[data-all]");
    if (!all) return;
    for (const box of all.closest("form").querySelectorAll("tbody input[type=checkbox], li input[type=checkbox]")) {
      box.checked = all.checked;
    }
  });

  // Upload: the same form, sent with its progress shown.
  const upload = document.querySelector("form[data-upload]");
  if (upload) {
    const meter = upload.querySelector("progress");
    const said = upload.querySelector("[data-said]");
    const button = upload.querySelector("button");
    upload.addEventListener("submit", (event) => {
      event.preventDefault();
      const request = new XMLHttpRequest();
      request.open("POST", upload.getAttribute("action").split("?")[0]);
      request.setRequestHeader("Accept", "application/json");
      meter.hidden = false;
      button.disabled = true;
      said.textContent = upload.dataset.sending;
      request.upload.onprogress = (progress) => {
        if (progress.lengthComputable) meter.value = progress.loaded / progress.total;
        if (progress.loaded === progress.total) said.textContent = upload.dataset.sealing;
      };
      request.onload = () => {
        let told = {};
        try { told = JSON.parse(request.responseText); } catch { /* no words came */ }
        if (request.status >= 200 && request.status < 300) {
          if (told.state === "admitted") prepared(told.number, Date.now());
          else location.assign("/jobs");
          return;
        }
        failed([told.title, told.detail].filter(Boolean).join(" ") || upload.dataset.failed);
      };
      request.onerror = () => failed(upload.dataset.failed);
      request.send(new FormData(upload));
    });
    // While PDF is made of it: asked now and then, and after a while the job's own page tells the rest.
    function prepared(number, since) {
      meter.removeAttribute("value");
      said.textContent = upload.dataset.making;
      const request = new XMLHttpRequest();
      request.open("GET", `/api/v1/jobs/${number}`);
      request.responseType = "json";
      request.onload = () => {
        const job = request.response || {};
        const waits = request.status === 429 || (request.status === 200 && ["admitted", "prepared"].includes(job.state));
        if (waits && Date.now() - since < 60000) setTimeout(() => prepared(number, since), 700);
        else location.assign(job.state === "held" && job.conversion !== "locked" ? "/jobs" : `/jobs/${number}`);
      };
      request.onerror = () => location.assign(`/jobs/${number}`);
      request.send();
    }
    function failed(text) {
      meter.hidden = true;
      button.disabled = false;
      said.textContent = text;
      said.focus();
    }
  }

  // Keys: "/" searches, "g" and a letter goes, "?" shows them. Never while somebody types.
  let going = 0;
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.target.closest("input, select, textarea")) return;
    if (event.key === "/") {
      const field = document.querySelector("[data-search]");
      if (field) { event.preventDefault(); field.focus(); field.select(); }
    } else if (event.key === "g") {
      going = Date.now();
      return;
    } else if (event.key === "?") {
      location.assign("/help#keys");
    } else if (Date.now() - going < 1500) {
      const link = document.querySelector(`a[data-key="${CSS.escape(event.key)}"]`);
      if (link) location.assign(link.href);
    }
    going = 0;
  });
})();
