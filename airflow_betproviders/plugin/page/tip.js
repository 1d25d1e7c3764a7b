// The one line beside what is pointed at.
const tip = document.querySelector("#tip");

export function showTip(text, beside, below = false) {
  const box = beside.getBoundingClientRect();
  tip.textContent = text;
  tip.hidden = false;
  const left = Math.min(innerWidth - tip.offsetWidth - 8, Math.max(8, box.left + box.width / 2 - tip.offsetWidth / 2));
  tip.style.left = `${left}px`;
  tip.style.top = `${below ? box.bottom + 24 : box.top - tip.offsetHeight - 6}px`;
}

export function hideTip() {
  tip.hidden = true;
}
