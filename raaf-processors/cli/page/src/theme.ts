/** Dark or light: the reader's choice, otherwise the system's. */

const KEY = "raaf-theme";
type Theme = "dark" | "light";

function stored(): Theme | null {
  try {
    const value = localStorage.getItem(KEY);
    return value === "dark" || value === "light" ? value : null;
  } catch {
    return null;
  }
}

const current = (): Theme =>
  stored() ?? (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light");

export function applyTheme(): void {
  const chosen = stored();
  if (chosen) document.documentElement.style.colorScheme = chosen;
}

export function toggleTheme(): void {
  const next = (document.documentElement.style.colorScheme || current()) === "dark" ? "light" : "dark";
  document.documentElement.style.colorScheme = next;
  try {
    localStorage.setItem(KEY, next);
  } catch {
    // Without storage, the choice lasts as long as the page.
  }
}
