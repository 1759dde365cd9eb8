// What the browser keeps: the language for good, the key for as long as the tab is open. Where it keeps nothing, neither do we.

/** What was kept under a name, or null. */
export function recall(name, area = "localStorage") {
  try {
    return window[area].getItem(name);
  } catch {
    return null;
  }
}

/** Keep a text; an empty one is thrown away. */
export function keep(name, text, area = "localStorage") {
  try {
    if (text) window[area].setItem(name, text);
    else window[area].removeItem(name);
  } catch {
    // the reader does not want anything kept
  }
}
