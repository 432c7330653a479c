// A worker that says when the next picture of a scene is due: a page's own timers are slow while it is hidden.
onmessage = ({ data: milliseconds }) => { setInterval(() => postMessage(null), milliseconds); };
