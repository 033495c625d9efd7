import { request } from "node:http";

/** Posts JSON with a Host header of the caller's choice, which fetch does not allow, and returns the status. */
export async function postAs(url: URL, host: string, body: string): Promise<number | undefined> {
  return await new Promise((resolve, reject) => {
    const headers = { host, "content-type": "application/json", "x-forwarded-host": host };
    const sent = request(url, { method: "POST", headers }, (response) => {
      response.resume().on("end", () => resolve(response.statusCode));
    });
    sent.on("error", reject).end(body);
  });
}
