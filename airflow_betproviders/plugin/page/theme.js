// Light or dark as Airflow's own switch says, which it keeps in this origin's storage; before anything is painted.
(() => {
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const apply = () => {
    const chosen = localStorage.getItem("theme");
    const theme = chosen === "dark" || chosen === "light" ? chosen : dark.matches ? "dark" : "light";
    document.documentElement.dataset.theme = theme;
    document.documentElement.classList.toggle("framed", window.parent !== window);
    dispatchEvent(new Event("themechange"));
  };
  addEventListener("storage", apply);
  dark.addEventListener("change", apply);
  apply();
})();
