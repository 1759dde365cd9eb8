// Browser storage: the language permanently, the API key until the tab is closed. Does nothing if storage is disabled.

/** Return a stored text, or null. */
export function load(name, area = "localStorage") {
  try {
    return window[area].getItem(name);
  } catch {
    return null;
  }
}

/** Store a text; an empty text removes it. */
export function store(name, text, area = "localStorage") {
  try {
    if (text) window[area].setItem(name, text);
    else window[area].removeItem(name);
  } catch {
    // storage is disabled
  }
}
