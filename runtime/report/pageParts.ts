/** The page's style. Colours are told apart with the common kinds of colour blindness too (after Okabe and Ito). */
export const STYLE = `
:root{color-scheme:light dark;--bg:#fff;--fg:#1a1d21;--dim:#5b6470;--line:#d5dae0;--panel:#f6f7f9;--link:#0a5ca8;
--c0:#0072b2;--c1:#e69f00;--c2:#009e73;--c3:#cc79a7;--c4:#d55e00;--c5:#56b4e9;--c6:#882255;--c7:#999933;--rest:#9aa1aa;
--r0:#299672;--r1:#2597f9;--r2:#7b57c6;--r3:#17493f;--r4:#b5acf8;--r5:#2f6954;--r6:#7d86c7;--r7:#4e2a6f;--r8:#4d749a;--r9:#5c4f81;--r10:#5acfb3;--r11:#4b35ac;
--b0:#6c355f;--b1:#7f0829;--b2:#8b4904;--b3:#c6ca24;--b4:#d86074;--b5:#ae6439;--b6:#b08702;--b7:#ae3a5a;--b8:#ffa594;--b9:#cc986d;
--covered:#3f8fc7;--suspect:#f0b429;--missing:#c8361d;--unavailable:#c3c9d0;
--h1:#deebf7;--h2:#9ecae1;--h3:#4f9bcb;--h4:#1f6fb0;--h5:#08386b;--good:#00734f;--bad:#b5310f}
@media (prefers-color-scheme:dark){:root{--bg:#14171b;--fg:#e6e9ed;--dim:#9aa4b0;--line:#343b44;--panel:#1c2026;--link:#7fbdf5;
--c0:#3d9bdc;--c1:#f0b234;--c2:#22b98c;--c3:#dd93bb;--c4:#f07a3c;--c5:#8cd0f5;--c6:#c75b86;--c7:#b9b94e;--rest:#737b85;
--r0:#09ba88;--r1:#2c7fb9;--r2:#aa79f3;--r3:#aefae5;--r4:#d2d1f9;--r5:#52e8b5;--r6:#7f98bd;--r7:#774b8b;--r8:#89c0c5;--r9:#bca6fe;--r10:#2d6b56;--r11:#6459d0;
--b0:#bf2f50;--b1:#924700;--b2:#b0a456;--b3:#d2f294;--b4:#bc775c;--b5:#967405;--b6:#a1c31d;--b7:#ef8f97;--b8:#f7b579;--b9:#e5d40e;
--covered:#3d8bc4;--suspect:#f0b429;--missing:#ef5a3c;--unavailable:#4a525c;
--h1:#1c2b3a;--h2:#224d77;--h3:#2f78b5;--h4:#64abe0;--h5:#d3ebff;--good:#4fd1a5;--bad:#ff8a66}}
*{box-sizing:border-box}
body{margin:0;background:var(--bg);color:var(--fg);font:16px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,sans-serif}
header,main{max-width:960px;margin:0 auto;padding:0 20px}
header{padding-top:28px}
h1{font-size:1.6rem;line-height:1.2;margin:0 0 12px}
h2{font-size:1.3rem;margin:56px 0 8px;padding-top:12px;border-top:2px solid var(--line)}
h3{font-size:1rem;margin:0}
.network{white-space:nowrap}
.verdict{margin:0 0 16px;padding:10px 14px;border-left:4px solid;background:var(--panel);border-radius:0 6px 6px 0}
.good{border-color:var(--good)}.bad{border-color:var(--bad)}
.facts{display:grid;grid-template-columns:repeat(auto-fit,minmax(190px,1fr));gap:8px 20px;margin:0 0 16px}
.facts div{min-width:0}.facts dt{color:var(--dim);font-size:.8rem}.facts dd{margin:0;overflow-wrap:anywhere}
.tiles{display:grid;grid-template-columns:repeat(auto-fit,minmax(150px,1fr));gap:10px;list-style:none;margin:0 0 16px;padding:0}
.tiles li{display:flex;flex-direction:column;padding:10px 12px;background:var(--panel);border-radius:6px;font-size:.8rem;color:var(--dim);min-width:0;overflow-wrap:anywhere}
.tiles b{font-size:1.25rem;line-height:1.3;color:var(--fg)}.tiles .label{font-weight:600}.tiles .gap{color:var(--bad)}
.hint{display:none;color:var(--dim);font-size:.8rem;margin:4px 0 0}
nav{display:flex;flex-wrap:wrap;gap:6px 16px;font-size:.95rem}
a{color:var(--link)}
figure{margin:24px 0 36px}
figcaption{margin-bottom:6px}
.units,.read,.dim,.advice{color:var(--dim);font-size:.875rem;margin:0}
.read{margin-top:4px;overflow-wrap:anywhere}
.nothing{margin:8px 0;padding:16px;background:var(--panel);border-radius:6px;color:var(--dim)}
.legend{display:flex;flex-wrap:wrap;gap:2px 16px;list-style:none;margin:0 0 4px;padding:0;font-size:.85rem}
.legend li{display:flex;align-items:baseline;gap:6px;min-width:0;overflow-wrap:anywhere}
.legend i{flex:none;width:11px;height:11px;border-radius:2px}
.plot{display:block;max-width:100%;height:auto;font:12px system-ui,-apple-system,"Segoe UI",Roboto,sans-serif;overflow:visible}
.plot text,.plot tspan{white-space:pre}
.defs{position:absolute;width:0;height:0}.defs path{stroke:var(--dim);stroke-width:.8;fill:none}
.phone{display:none}
@media (max-width:640px){.desk{display:none}.phone,.hint{display:block}header,main{padding:0 16px}h1{font-size:1.35rem}h2{margin-top:44px}}
details{margin-top:4px;font-size:.875rem}
summary{cursor:pointer;color:var(--link);width:max-content}
pre{overflow-x:auto;background:var(--panel);padding:12px;border-radius:6px;font:12px/1.45 ui-monospace,Consolas,monospace;margin:8px 0}
.table{margin:24px 0}
.scroll{overflow-x:auto;margin-top:6px}
table{border-collapse:collapse;font-size:.875rem;min-width:100%}
th,td{text-align:left;padding:5px 12px 5px 0;border-bottom:1px solid var(--line);vertical-align:top}
th{color:var(--dim);font-weight:600}td{white-space:nowrap}
.n{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}
.long{min-width:13em;white-space:normal}
th[aria-sort]{cursor:pointer}th[aria-sort=ascending]::after{content:" ▲"}th[aria-sort=descending]::after{content:" ▼"}
.checks{list-style:none;margin:12px 0;padding:0;display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,400px),1fr));gap:12px}
.checks>li{padding:10px 14px;background:var(--panel);border-left:4px solid var(--good);border-radius:0 6px 6px 0;font-size:.875rem;min-width:0;overflow-wrap:anywhere}
.checks>li.warning,.checks>li.error{border-color:var(--bad)}
.checks p{margin:0 0 4px}.checks ul{margin:4px 0;padding-left:18px}
.state{font-weight:600;color:var(--good)}.warning .state,.error .state{color:var(--bad)}
code{font:.92em ui-monospace,Consolas,monospace}
@media print{nav,details{display:none}}
`;

/** Sorting of tables: all that the page needs a script for. Everything is there without it. */
export const SCRIPT = `
for (const table of document.querySelectorAll("table.sortable")) {
  const heads = [...table.tHead.rows[0].cells];
  heads.forEach((head, index) => {
    head.tabIndex = 0;
    head.setAttribute("aria-sort", "none");
    const value = (row) => {
      const cell = row.cells[index];
      const text = cell.dataset.sort ?? cell.textContent.replaceAll(",", "").replace("%", "").replace(/^[<>]/, "");
      return head.classList.contains("n") ? (Number.isNaN(parseFloat(text)) ? -Infinity : parseFloat(text)) : text;
    };
    const sort = () => {
      const up = head.getAttribute("aria-sort") === "descending";
      heads.forEach((other) => other.setAttribute("aria-sort", "none"));
      head.setAttribute("aria-sort", up ? "ascending" : "descending");
      const rows = [...table.tBodies[0].rows].sort((a, b) => {
        const [x, y] = [value(a), value(b)];
        return (x < y ? -1 : x > y ? 1 : 0) * (up ? 1 : -1);
      });
      table.tBodies[0].append(...rows);
    };
    head.addEventListener("click", sort);
    head.addEventListener("keydown", (event) => event.key === "Enter" && sort());
  });
}
`;
