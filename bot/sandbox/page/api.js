/** The local server's routes for the page, and its stream of events. */

/** The local server did not answer, or not as it should. */
export class ServerGone extends Error {
  name = "ServerGone";
}

async function request(method, path, body, extra = {}) {
  let response;
  try {
    response = await fetch(path, {
      method,
      headers: body === undefined ? {} : { "content-type": "application/json" },
      body: body === undefined ? undefined : JSON.stringify(body),
      ...extra,
    });
  } catch (error) {
    throw new ServerGone(error.message);
  }
  const text = await response.text();
  try {
    return JSON.parse(text);
  } catch {
    throw new ServerGone(`${method} ${path} answered ${response.status} without JSON`);
  }
}

const query = (parameters) => {
  const known = Object.entries(parameters).filter(([, value]) => value !== undefined && value !== null);
  return new URLSearchParams(known).toString();
};

/** All calls of one acting person. Each returns the server's JSON or throws ServerGone. */
export class Api {
  constructor(user) {
    this.user = user;
  }

  get(path, parameters = {}) {
    return request("GET", `${path}?${query({ user: this.user, ...parameters })}`);
  }

  post(path, body = {}) {
    return request("POST", path, { user: this.user, ...body });
  }

  boot = () => this.get("/client/boot");
  history = (channel, thread_ts) => this.get("/client/history", { channel, thread_ts, ephemeral: 1 });
  message = (body) => this.post("/client/message", body);
  command = (body) => this.post("/client/command", body);
  action = (body) => this.post("/client/action", body);
  submit = (body) => this.post("/client/submit", body);
  close = (body) => this.post("/client/close", body);
  suggest = (body) => this.post("/client/suggest", body);
  shortcut = (body) => this.post("/client/shortcut", body);
  views = () => this.get("/client/views");
  home = (tab) => this.post("/client/home", { tab });
  join = (channel) => this.post("/client/invite", { channel });
  dm = (other) => this.post("/client/dm", { other });
  traffic = (limit = 200) => this.get("/client/traffic", { limit });
  faults = () => request("GET", "/client/faults");
  setFaults = (plan) => request("POST", "/client/faults", plan);
  clearFaults = () => request("DELETE", "/client/faults");

  /** Upload one file as this person; `channel` may be absent for a file that waits for its message. */
  upload(file, channel, share = false) {
    const parameters = query({ user: this.user, channel, name: file.name, share: share ? "true" : undefined });
    return request("POST", `/client/upload?${parameters}`, undefined, {
      body: file,
      headers: { "content-type": file.type || "application/octet-stream" },
    });
  }

  /**
   * Follow the server's events for as long as the returned stop function is not called.
   * The browser reconnects by itself; `onState` hears true when connected, false when the server is gone.
   */
  follow(onEvent, onState) {
    let source = null;
    let timer = 0;
    const open = () => {
      source = new EventSource(`/client/events?${query({ user: this.user })}`);
      source.addEventListener("open", () => onState(true));
      source.addEventListener("message", (event) => onEvent(JSON.parse(event.data)));
      source.addEventListener("error", () => {
        onState(false);
        // A refused connection ends the source for good; then it is ours to try again.
        if (source.readyState === EventSource.CLOSED) timer = setTimeout(open, 1500);
      });
    };
    open();
    return () => {
      clearTimeout(timer);
      source.close();
    };
  }
}
