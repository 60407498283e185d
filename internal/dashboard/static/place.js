// Choices keep the place of the reader: a link or form that leads to the same page with
// other parameters swaps what is shown. Without this script they are links and forms.

// What depends on the choices. The language is no such choice: its links load the page.
const parts = ['.brand', '.search', '.languages', '.pages', '#content', '.colophon'];

// The key of an organisation that compares its figures is kept for this tab alone.
const key = {
  get: () => { try { return sessionStorage.getItem('key'); } catch { return null; } },
  set(value) { try { sessionStorage.setItem('key', value); } catch { /* it is entered again for each page */ } },
  forget() { try { sessionStorage.removeItem('key'); } catch { /* there is none */ } },
};

export function keepPlace(ready) {
  const status = document.getElementById('status');
  let shown = location.pathname + location.search;
  let asked = new AbortController();

  const show = async (url, { from, y, push, token = comparable() ? key.get() : null }) => {
    asked.abort();
    asked = new AbortController();
    document.documentElement.dataset.ready = 'false';
    let page;
    try {
      const posted = token ? { method: 'POST', body: new URLSearchParams({ token }) } : {};
      const answer = await fetch(url, { headers: { Accept: 'text/html' }, signal: asked.signal, ...posted });
      if (!answer.ok && !token) {
        throw new Error(answer.statusText);
      }
      if (answer.status === 401 || answer.status === 403) {
        key.forget();
      }
      page = new DOMParser().parseFromString(await answer.text(), 'text/html');
    } catch (error) {
      if (error.name !== 'AbortError') {
        location.assign(url); // the browser tells what is wrong
      }
      return;
    }
    const place = from && { find: finderOf(from), top: from.getBoundingClientRect().top };
    const open = [...document.querySelectorAll('#content details[open]')].map(nameOf);
    if (push) {
      history.replaceState({ y: scrollY }, '');
      history.pushState(null, '', url);
    }
    shown = location.pathname + location.search;
    document.title = page.title;
    for (const part of parts) {
      document.querySelector(part)?.replaceWith(document.adoptNode(page.querySelector(part)));
    }
    document.querySelectorAll('#content details').forEach((one) => { one.open ||= open.includes(nameOf(one)); });
    ready();
    const same = place?.find();
    if (same) {
      same.focus({ preventScroll: true });
      scrollBy(0, same.getBoundingClientRect().top - place.top);
    } else {
      scrollTo(0, y ?? 0);
    }
    status.textContent = [...document.querySelectorAll('.lead h1, .lead .standfirst, .compared strong')].map((text) => text.textContent.trim()).join('. ');
    if (!token) {
      compare();
    }
  };

  const comparable = () => document.querySelector('.compare form');
  // compare shows the figures of the key that this tab has, where the page does not yet.
  const compare = () => {
    if (comparable() && !document.querySelector('.compared') && key.get()) {
      show(location.href, { y: scrollY });
    }
  };

  document.addEventListener('click', (event) => {
    const link = event.target.closest('#content a[href]');
    if (link?.matches('.stop')) {
      key.forget();
    }
    const plain = event.button === 0 && !event.ctrlKey && !event.metaKey && !event.shiftKey && !event.altKey;
    if (event.defaultPrevented || !plain || !link || link instanceof SVGElement || link.target || link.hasAttribute('download')) {
      return;
    }
    const url = new URL(link.href);
    if (url.origin === location.origin && url.pathname === location.pathname && !url.hash) {
      event.preventDefault();
      show(url.href, { from: link, push: true });
    }
  });
  document.addEventListener('submit', (event) => {
    const form = event.target.closest('#content form');
    if (form?.method === 'post') {
      event.preventDefault();
      const token = new FormData(form).get('token').trim();
      key.set(token);
      show(location.href, { from: event.submitter, token });
      return;
    }
    if (!form || new URL(form.action).pathname !== location.pathname) {
      return;
    }
    event.preventDefault();
    const url = new URL(form.action);
    url.search = new URLSearchParams(new FormData(form, event.submitter));
    show(url.href, { from: event.submitter, push: true });
  });
  window.addEventListener('popstate', ({ state }) => {
    if (location.pathname + location.search !== shown) {
      show(location.href, { y: state?.y });
    }
  });
  compare();
}

// finderOf finds what takes the place of a part of the page later: a choice by its place
// among the choices, another link by its address, a button by its place in its section.
function finderOf(node) {
  const places = (of) => [...document.querySelectorAll(of)];
  const choices = node.closest('.switch');
  if (choices) {
    const [list, item] = [places('#content .switch').indexOf(choices), [...choices.children].indexOf(node.parentNode)];
    return () => places('#content .switch')[list]?.children[item]?.querySelector('a');
  }
  if (node.matches('a')) {
    const address = CSS.escape(node.getAttribute('href'));
    return () => document.querySelector(`#content a[href="${address}"]`);
  }
  const button = places('#content button').filter((one) => one.type === 'submit').indexOf(node);
  return () => places('#content button').filter((one) => one.type === 'submit')[button];
}

// nameOf tells details that can be opened apart.
function nameOf(details) {
  return `${details.closest('[data-name]')?.dataset.name} ${details.className}`;
}
