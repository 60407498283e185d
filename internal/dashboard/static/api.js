// The reader of the API's description: Swagger UI, with its parts that screen readers
// and keyboards stumble over put right.
const element = document.getElementById('reader');

// The frame of the page has the title, the servers are one, and links within buttons
// can be reached by nobody.
const accessible = ({ React }) => {
  const h = React.createElement;
  const part = (getComponent, ...name) => h(getComponent(...name));
  return {
    components: {
      Page: ({ getComponent, errSelectors, specSelectors }) => h('div', { className: 'swagger-ui' },
        h(getComponent('SvgAssets')),
        part(getComponent, 'errors', true),
        specSelectors.loadingStatus() === 'success' && h('div', { className: 'wrapper' },
          h('h2', { className: 'unseen' }, 'Operations'),
          h('div', { className: 'schemes' }, part(getComponent, 'AuthorizeBtnContainer', true)),
          part(getComponent, 'operations', true),
          part(getComponent, 'Models', true))),
    },
    wrapComponents: {
      DeepLink: () => ({ text }) => h('span', null, text),
    },
  };
};

// What its components do not let be set is put right where it appears.
const repairs = {
  'table[role=region]': (table) => table.removeAttribute('role'),
  'pre.microlight:not([tabindex])': (pre) => { pre.tabIndex = 0; },
  '.close-modal:not([aria-label])': (button) => button.setAttribute('aria-label', 'Close'),
  '.copy-to-clipboard button:not([aria-label])': (button) => button.setAttribute('aria-label', 'Copy'),
  '.modal-btn[aria-label]': (button) => button.removeAttribute('aria-label'),
  'select:not([aria-label])': (select) => select.setAttribute('aria-label', 'Choose a value'),
  'textarea:not([aria-label])': (area) => area.setAttribute('aria-label', 'Request body'),
};
new MutationObserver(() => {
  for (const [selector, repair] of Object.entries(repairs)) element.querySelectorAll(selector).forEach(repair);
}).observe(element, { childList: true, subtree: true });

window.SwaggerUIBundle({
  url: element.dataset.document,
  domNode: element,
  deepLinking: true,
  defaultModelsExpandDepth: 0,
  layout: 'Page',
  plugins: [accessible],
  onComplete: () => { element.dataset.ready = 'true'; },
});
