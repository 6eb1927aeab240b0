// mdBook's button for the list of chapters is a label, which the keyboard cannot reach.
(() => {
    const button = document.getElementById('mdbook-sidebar-toggle');
    const sidebar = document.getElementById('mdbook-sidebar');
    if (!button || !sidebar) return;
    button.tabIndex = 0;
    button.setAttribute('role', 'button');
    button.addEventListener('keydown', event => {
        if (event.key !== 'Enter' && event.key !== ' ') return;
        event.preventDefault();
        button.click();
        if (button.getAttribute('aria-expanded') === 'true') {
            (sidebar.querySelector('a.active') || sidebar.querySelector('a'))?.focus();
        }
    });
    sidebar.addEventListener('keydown', event => {
        if (event.key === 'Escape') button.focus();
    });
})();
