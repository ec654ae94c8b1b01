"use strict";
// Filters the tree of changes. Everything else on the page works without it.
(() => {
  const form = document.getElementById("filters");
  if (!form) return;
  const value = (name) => document.getElementById(`filter-${name}`);
  const accounts = [...document.querySelectorAll("#changes details.account")].map((element) => ({
    element,
    open: element.open,
    key: element.dataset.account,
    rows: [...element.querySelectorAll(":scope > ul > li")].map((row) => ({ row, text: row.textContent.toLowerCase() })),
  }));
  const total = accounts.reduce((sum, account) => sum + account.rows.length, 0);
  let filtering = false;

  function filter() {
    const words = value("text").value.toLowerCase().split(/\s+/).filter(Boolean);
    const [action, kind, account] = ["action", "kind", "account"].map((name) => value(name).value);
    const blocked = value("blocked").checked;
    const drifted = value("drifted").checked;
    const any = words.length > 0 || action || kind || account || blocked || drifted;
    let count = 0;
    for (const { element, open, key, rows } of accounts) {
      let here = 0;
      for (const { row, text } of rows) {
        const shown =
          (!account || account === `=${key}`) &&
          (!action || action === `=${row.dataset.action}`) &&
          (!kind || kind === `=${row.dataset.kind}`) &&
          (!blocked || "blocked" in row.dataset) &&
          (!drifted || "drifted" in row.dataset) &&
          words.every((word) => text.includes(word));
        row.hidden = !shown;
        here += shown ? 1 : 0;
      }
      element.hidden = here === 0;
      if (any) element.open = here > 0;
      else if (filtering) element.open = open;
      count += here;
    }
    filtering = Boolean(any);
    document.getElementById("filter-count").textContent = `${count} of ${total} changes`;
  }

  const openAll = (open) => {
    for (const details of document.querySelectorAll("#changes details:not([hidden])")) details.open = open;
  };
  form.addEventListener("input", filter);
  form.addEventListener("submit", (event) => event.preventDefault());
  document.getElementById("open-all").addEventListener("click", () => openAll(true));
  document.getElementById("close-all").addEventListener("click", () => openAll(false));
  form.hidden = false;
  filter();
})();
