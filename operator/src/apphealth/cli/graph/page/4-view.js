// Moving the picture: wheel and pinch zoom, drag pans, and a chosen node is moved into view.

const READABLE = 0.55; // the smallest scale at which text is readable

function viewer(canvas, scene) {
  const state = { x: 0, y: 0, scale: 1, width: 1, height: 1, fitted: true };
  const pointers = new Map();
  const show = () => {
    scene.setAttribute("transform", `translate(${state.x} ${state.y}) scale(${state.scale})`);
    scene.style.setProperty("--title", `${Math.min(46, Math.max(17, 13 / state.scale))}px`);
    canvas.classList.toggle("far", state.scale < 0.45);
    canvas.classList.toggle("very-far", state.scale < 0.2);
  };
  const size = () => [canvas.clientWidth || 800, canvas.clientHeight || 600];
  const zoom = (factor, x = size()[0] / 2, y = size()[1] / 2) => {
    const scale = Math.min(3, Math.max(0.04, state.scale * factor));
    state.x = x - (x - state.x) * (scale / state.scale);
    state.y = y - (y - state.y) * (scale / state.scale);
    Object.assign(state, { scale, fitted: false });
    show();
  };
  const fit = () => {
    const [wide, high] = size();
    state.scale = Math.min(1.15, Math.max(0.04, Math.min((wide - 60) / state.width, (high - 60) / state.height)));
    state.x = (wide - state.width * state.scale) / 2;
    state.y = (high - state.height * state.scale) / 2;
    state.fitted = true;
    show();
  };
  const reveal = (node) => {
    const [wide, high] = size();
    if (state.fitted && Math.min((wide - 60) / state.width, (high - 60) / state.height) > READABLE) return fit();
    if (state.scale < READABLE) state.scale = 0.8;
    const [x, y] = [node.at.x * state.scale + state.x, node.at.y * state.scale + state.y];
    if (x < 20 || y < 20 || x + WIDTH * state.scale > wide - 20 || y + HEIGHT * state.scale > high - 20) {
      state.x = wide / 2 - (node.at.x + WIDTH / 2) * state.scale;
      state.y = high / 2 - (node.at.y + HEIGHT / 2) * state.scale;
      state.fitted = false;
    }
    return show();
  };
  canvas.addEventListener("wheel", (event) => {
    event.preventDefault();
    const box = canvas.getBoundingClientRect();
    zoom(Math.exp(-event.deltaY * (event.deltaMode ? 0.05 : 0.0016)), event.clientX - box.left, event.clientY - box.top);
  }, { passive: false });
  canvas.addEventListener("pointerdown", (event) => {
    pointers.set(event.pointerId, { x: event.clientX, y: event.clientY });
    state.moved = 0;
  });
  canvas.addEventListener("pointermove", (event) => {
    const last = pointers.get(event.pointerId);
    if (!last) return;
    const [dx, dy] = [event.clientX - last.x, event.clientY - last.y];
    state.moved += Math.abs(dx) + Math.abs(dy);
    if (state.moved > 4 && !canvas.hasPointerCapture(event.pointerId)) canvas.setPointerCapture(event.pointerId);
    const other = [...pointers].find(([id]) => id !== event.pointerId);
    if (other) {
      const far = (at) => Math.hypot(at.x - other[1].x, at.y - other[1].y) || 1;
      const box = canvas.getBoundingClientRect();
      zoom(far({ x: event.clientX, y: event.clientY }) / far(last), other[1].x - box.left, other[1].y - box.top);
    } else {
      Object.assign(state, { x: state.x + dx, y: state.y + dy, fitted: false });
      show();
    }
    pointers.set(event.pointerId, { x: event.clientX, y: event.clientY });
  });
  const up = (event) => pointers.delete(event.pointerId);
  canvas.addEventListener("pointerup", up);
  canvas.addEventListener("pointercancel", up);
  canvas.addEventListener("lostpointercapture", up);
  return { zoom, fit, reveal, moved: () => state.moved > 4, extent: (width, height) => Object.assign(state, { width, height }) };
}
