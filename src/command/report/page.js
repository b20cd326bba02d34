const box = document.querySelector("input");
const rows = box ? [...document.querySelectorAll("#people tbody tr")] : [];
const texts = rows.map((row) => [...row.cells].map((cell) => cell.textContent).join(" ").toLowerCase());
box?.addEventListener("input", () => {
  const words = box.value.toLowerCase().split(/\s+/);
  rows.forEach((row, at) => { row.hidden = !words.every((word) => texts[at].includes(word)); });
});
