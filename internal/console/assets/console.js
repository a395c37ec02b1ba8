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
}

// A file that is too large need not be sent to be refused.
function boundedFile(input) {
	input.onchange = () => {
		const file = input.files[0];
		input.setCustomValidity(file && file.size > Number(input.dataset.most) ? input.dataset.toolarge : "");
		input.reportValidity();
	};
}

function enhance(root) {
	localTimes(root);
	copyButtons(root);
}

enhance(document);
document.querySelectorAll("form[data-link]").forEach(signInByLink);
document.querySelectorAll("[data-live]").forEach(live);
document.querySelectorAll("input[data-most]").forEach(boundedFile);
