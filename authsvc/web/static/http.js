// One way to talk to the service from a page: POST JSON with the page's CSRF token.

const UNREACHABLE = "We could not reach the service. Check your connection and try again.";
const UNEXPECTED = "Something went wrong on our side. Please try again.";

/** The service, or the network, said no; the message is for the person who reads the page. */
export class Refused extends Error {}

/** Return the JSON answer; throws Refused. */
export async function post(path, body) {
  const token = document.querySelector("meta[name=csrf]").content;
  let response;
  try {
    response = await fetch(path, {
      method: "POST",
      headers: { "Content-Type": "application/json", Accept: "application/json", "X-CSRF-Token": token },
      body: JSON.stringify(body),
      redirect: "error",
    });
  } catch {
    throw new Refused(UNREACHABLE);
  }
  const answer = await response.json().catch(() => null);
  if (!response.ok || answer === null) throw new Refused(answer?.detail ?? UNEXPECTED);
  return answer;
}
