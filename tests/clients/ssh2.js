// The same as libraries.py with the package ssh2: `node ssh2.js USER PASSWORD [alone]`.
const { createInterface } = require("readline");
const { Client } = require("ssh2");

const [username, password, alone] = process.argv.slice(2);
const answers = createInterface({ input: process.stdin })[Symbol.asyncIterator]();

async function ask({ prompt, echo }) {
  console.log(JSON.stringify({ prompt, echo }));
  return (await answers.next()).value;
}

const client = new Client();
client.on("keyboard-interactive", async (_name, _text, _language, questions, finish) => {
  const given = [];
  for (const question of questions) given.push(await ask(question));
  finish(given);
});
client.on("error", (error) => {
  console.log(`${error.name}: ${error.message}`);
  process.exit(1);
});
client.on("ready", () => {
  client.exec("echo IN-AS-$(id -un)", (_error, channel) => {
    channel.on("data", (data) => console.log(String(data)));
    channel.on("close", () => process.exit(0));
  });
});
client.connect({ host: "127.0.0.1", username, password, tryKeyboard: !alone });
