// What forms and links cannot do. Every page works without this file; each part below looks for its
// elements, by their data attributes, and does nothing where there are none.

// Times are in UTC on the page, and here in the time of the reader.
function localTimes(root) {
	for (const time of root.querySelectorAll("time[datetime]")) {
		const at = new Date(time.dateTime);
		time.title = time.textContent;
		time.textContent = at.toLocaleString(undefined, {dateStyle: "medium", timeStyle: "short"});
	}
}

// Buttons that copy a text.
function copyButtons(root) {
	for (const button of root.querySelectorAll("button[data-copy]")) {
		button.hidden = !navigator.clipboard;
		button.onclick = async () => {
			const label = button.textContent;
			await navigator.clipboard.writeText(button.dataset.copy);
			button.textContent = button.dataset.copied;
			setTimeout(() => { button.textContent = label; }, 2000);
		};
	}
}

// A sign-in link has its code in the fragment, which browsers send to nobody.
function signInByLink(form) {
	const code = location.hash.slice(1);
	if (!code) return;
	history.replaceState(null, "", location.pathname);
	form.elements.code.value = code;
	form.requestSubmit();
}

// A part of a page that the service sends again as it changes, until it says that it is over.
function live(part) {
	const events = new EventSource(part.dataset.live);
	events.addEventListener("part", (event) => { part.innerHTML = event.data; enhance(part); });
	events.addEventListener("over", () => { events.close(); location.reload(); });
	// The browser asks again by itself, unless something else has answered: a page to sign in, say, or
	// that of a proxy.
	const note = document.createElement("p");
	note.className = "warning";
	note.setAttribute("role", "status");
	let silent;
	events.addEventListener("open", () => { clearTimeout(silent); silent = undefined; note.remove(); });
	events.addEventListener("error", () => {
		silent ??= setTimeout(() => { note.textContent = part.dataset.silent; part.before(note); }, 10000);
		if (events.readyState === EventSource.CLOSED) setTimeout(reloadWhenBack, 2000, 5000);
	});
}

// Loads the page again when the service shows it, unless the person has begun to fill in something.
async function reloadWhenBack(pause) {
	const answer = await fetch(location.href).catch(() => null);
	if (answer?.ok && !typed) location.reload();
	else setTimeout(reloadWhenBack, pause, Math.min(2 * pause, 60000));
}

let typed = false;
document.addEventListener("input", () => { typed = true; });

// A file that is too large need not be sent to be refused.
function boundedFile(input) {
	input.onchange = () => {
		const file = input.files[0];
		input.setCustomValidity(file && file.size > Number(input.dataset.most) ? input.dataset.toolarge : "");
		input.reportValidity();
	};
}

// A part of a page, without the rest: a fragment, or nothing if the service has refused or the
// person has gone on.
async function fetchPart(address, part, signal) {
	try {
		const answer = await fetch(address, {headers: {"X-Console-Part": part}, signal});
		if (answer.status === 401) location.reload(); // to sign in
		if (!answer.ok) return null;
		const template = document.createElement("template");
		template.innerHTML = await answer.text();
		return template.content;
	} catch {
		return null;
	}
}

// A list that stopped before its page was full goes on: its rows are added, its foot is replaced.
async function goOn(region) {
	for (let link; (link = region.querySelector("a[data-more]"));) {
		const next = await fetchPart(link.href, region.dataset.part);
		if (!next || !link.isConnected) return; // the link stays, or another list has come
		const rows = next.querySelectorAll("tbody > tr");
		region.querySelector("tbody").append(...rows);
		rows.forEach(enhance);
		if (rows.length) region.querySelector("form[data-select]").hidden = false;
		const foot = region.querySelector("[data-foot]"), newFoot = next.querySelector("[data-foot]");
		if (!foot.querySelector("[data-first]")) newFoot.querySelector("[data-first]")?.remove(); // still the first page
		foot.replaceWith(newFoot);
	}
}

// What takes the service a while comes after the page.
async function load(link) {
	const region = link.closest("[data-part]");
	const found = await fetchPart(link.href, region.dataset.part);
	if (!found || !link.isConnected) return;
	region.replaceChildren(found);
	enhance(region);
}

// A form that searches as somebody types, shows what it finds in the region named for it, and keeps
// the address of the page current.
function liveSearch(form) {
	const region = document.querySelector(`[data-part="${form.dataset.search}"]`);
	let timer, current;
	async function search() {
		current?.abort();
		current = new AbortController();
		const {signal} = current;
		const fields = [...new FormData(form)].filter(([, value]) => value !== "");
		const address = location.pathname + (fields.length ? "?" + new URLSearchParams(fields) : "");
		const found = await fetchPart(address, form.dataset.search, signal);
		if (signal.aborted) return;
		if (!found) {
			location.assign(address); // which says what is wrong
			return;
		}
		region.replaceChildren(found);
		history.replaceState(null, "", address);
		enhance(region);
		goOn(region);
	}
	form.addEventListener("input", () => {
		clearTimeout(timer);
		timer = setTimeout(search, 200);
	});
	form.addEventListener("submit", event => {
		event.preventDefault();
		clearTimeout(timer);
		search();
	});
}

// Check boxes of a list: one for all, and with the shift key all between two.
let lastBox;
function select(event) {
	const form = event.target.closest("form[data-select]");
	if (!form || event.target.type !== "checkbox") return;
	const boxes = [...form.querySelectorAll("tbody input[type=checkbox]")];
	if ("all" in event.target.dataset) {
		for (const box of boxes) box.checked = event.target.checked;
		return;
	}
	const [from, to] = [boxes.indexOf(lastBox), boxes.indexOf(event.target)].sort((a, b) => a - b);
	if (event.shiftKey && from >= 0) {
		for (const box of boxes.slice(from, to + 1)) box.checked = event.target.checked;
	}
	lastBox = event.target;
}

function enhance(root) {
	localTimes(root);
	copyButtons(root);
	for (const box of root.querySelectorAll("input[data-all]")) box.hidden = false;
}

enhance(document);
document.addEventListener("click", select);
document.querySelectorAll("form[data-search]").forEach(liveSearch);
document.querySelectorAll("[data-part]").forEach(goOn);
document.querySelectorAll("a[data-load]").forEach(load);
document.querySelectorAll("form[data-link]").forEach(signInByLink);
addEventListener("load", () => document.querySelectorAll("[data-live]").forEach(live)); // else it would seem to load all the time
document.querySelectorAll("input[data-most]").forEach(boundedFile);
