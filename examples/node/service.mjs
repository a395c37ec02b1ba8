// What tests need of the service. Copy this file beside your tests.
//
// The service is the one that AWS_ENDPOINT_URL_CHIME names, such as `carillon serve --test` on this
// machine, or that of a compose file. Without this variable, testcontainers starts one for the run,
// from the image `carillon` (examples/README.md says how to make it).
import { after } from "node:test";
import { ChimeClient } from "@aws-sdk/client-chime";

export const endpoint = process.env.AWS_ENDPOINT_URL_CHIME || (await startContainer());

async function startContainer() {
  const { GenericContainer, Wait } = await import("testcontainers");
  const container = await new GenericContainer("carillon")
    .withCommand(["serve", "--test=public"])
    .withExposedPorts(24463)
    .withWaitStrategy(Wait.forHttp("/_carillon/health", 24463))
    .start();
  after(() => container.stop());
  return `http://${container.getHost()}:${container.getMappedPort(24463)}`;
}

// client is one of the service, as your program makes it. All services for tests have this key.
export const client = new ChimeClient({
  endpoint,
  region: "us-east-1",
  credentials: { accessKeyId: "AKIACARILLONTEST0000", secretAccessKey: "carillonTestSecretAccessKey0000000000000" },
});
after(() => client.destroy());

// service tells the service what a test wants of it: service("POST", "clock", {advance: "24h"}).
export async function service(method, path, body) {
  const reply = await fetch(`${endpoint}/_carillon/${path}`, { method, body: JSON.stringify(body) });
  const answer = await reply.json();
  if (!reply.ok) throw new Error(answer.message);
  return answer;
}
