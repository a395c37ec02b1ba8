// What a visitor in a browser needs to know of a page. It runs in a world of its own, where the
// page's script does not see it. Elements are named by their number in the latest look.
globalThis.visitor ??= {
  elements: [],

  // look returns the document as HTML, in which each element has its number, hidden says what is
  // not seen, and controls have what is in them now.
  look() {
    this.elements = [];
    const copy = document.implementation.createHTMLDocument("").importNode(document.documentElement, true);
    this.note(document.documentElement, copy);
    return { html: copy.outerHTML, title: document.title, address: location.href };
  },

  note(from, to) {
    to.setAttribute("data-n", this.elements.push(from) - 1);
    to.removeAttribute("popover");
    // Options are drawn by the list that they are in.
    const seen = from.matches("option, optgroup") || from.checkVisibility({ visibilityProperty: true });
    seen ? to.removeAttribute("hidden") : to.setAttribute("hidden", "");
    if (from.matches("textarea")) {
      to.textContent = from.value;
    } else if (from.matches("input:not([type=file])")) {
      to.setAttribute("value", from.value);
      to.toggleAttribute("checked", from.checked);
    } else if (from.matches("option")) {
      to.toggleAttribute("selected", from.selected);
    }
    for (let i = 0; i < from.children.length; i++) {
      this.note(from.children[i], to.children[i]);
    }
  },

  // changes calls back whenever the document changes.
  changes(callback) {
    if (!this.observer) {
      this.observer = new MutationObserver(callback);
      this.observer.observe(document, { subtree: true, childList: true, attributes: true, characterData: true });
    }
  },

  // refusal says why the browser does not send the form of a button, if so.
  refusal(n) {
    const { form, type, formNoValidate } = this.elements[n];
    if (!form || !["submit", "image"].includes(type) || form.noValidate || formNoValidate) {
      return "";
    }
    for (const control of form.elements) {
      if (control.willValidate && !control.validity.valid) {
        return `${control.labels[0]?.innerText || control.name}: ${control.validationMessage}`;
      }
    }
    return "";
  },

  // place scrolls to an element, and returns where to click it, or what lies over it.
  place(n) {
    const element = this.elements[n];
    element.scrollIntoView({ block: "center", inline: "center", behavior: "instant" });
    const box = [...element.getClientRects()].find((r) => r.width > 0 && r.height > 0);
    if (!box) {
      return { covered: "it has no size" };
    }
    const x = box.x + box.width / 2, y = box.y + box.height / 2;
    const top = document.elementFromPoint(x, y);
    if (!top) {
      return { covered: "it is outside of the screen" };
    }
    if (!element.contains(top) && top.closest("label")?.control !== element) {
      return { covered: "over it lies " + top.cloneNode(false).outerHTML };
    }
    return { x, y };
  },

  // focus is whether an element has the focus, whether people see that, and whether nothing has it.
  focus(n) {
    const element = this.elements[n], style = getComputedStyle(element);
    const outline = style.outlineStyle !== "none" && parseFloat(style.outlineWidth) > 0;
    return {
      here: document.activeElement === element,
      seen: outline || style.boxShadow !== "none",
      lost: document.activeElement === document.body || !document.activeElement,
    };
  },

  select(n) {
    this.elements[n].select();
  },

  // put sets what is not typed, such as a date.
  put(n, value) {
    const element = this.elements[n];
    element.focus();
    element.value = value;
    element.dispatchEvent(new Event("input", { bubbles: true }));
    element.dispatchEvent(new Event("change", { bubbles: true }));
  },

  checked(n) {
    return this.elements[n].checked;
  },

  // option returns the number of the option of a list that is chosen.
  option(n) {
    return this.elements[n].selectedIndex;
  },

  width() {
    return document.documentElement.scrollWidth;
  },

  // Texts that have no room, so that their letters stand one below the other.
  squeezed() {
    return [...document.querySelectorAll("main *")].filter((e) => {
      const {width, height} = e.getBoundingClientRect();
      return e.childElementCount === 0 && e.checkVisibility() && e.textContent.trim().length > 10 && width > 0 && height > 5 * width;
    }).map((e) => e.textContent.trim());
  },

  leaveFocus() {
    document.activeElement?.blur();
    scrollTo(0, 0);
  },

  // settle replaces what differs from one run to the next: addresses, ids and times that are not
  // those of a story.
  settle() {
    const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    while (texts.nextNode()) {
      const text = texts.currentNode;
      text.data = text.data.replace(/http:\/\/127\.0\.0\.1:\d+/g, "https://chime.example.com")
        .replace(/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/g, "01a22939-42dc-705c-883d-0e22ef2bbb89")
        .replace(/\d{8}-\d{6}-[0-9a-f]{6}/g, "20260310-120000-0d1bb3")
        .replace(/AKIA[A-Z2-7]{16}/g, "AKIAIOSFODNN7EXAMPLE");
    }
    for (const time of document.querySelectorAll("time")) {
      if (!time.dateTime.startsWith("2026-0")) time.textContent = "Mar 10, 2026, 12:00 PM";
    }
  },
};
