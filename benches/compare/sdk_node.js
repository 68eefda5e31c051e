// Meta's Node SDK's part in the comparison that compare.py directs: the same rows become request bodies.
//
// Reads the rows of the file that is named, keeps them as JavaScript values, and then does what it is told on stdin:
// `round` makes the bodies of all rows once, `body` shows the first. Each answer is one line.
'use strict';

const crypto = require('crypto');
const fs = require('fs');
const path = require('path');
const readline = require('readline');

const [rowsFile, installed] = process.argv.slice(2);
const sdk = require(path.join(installed, 'facebook-nodejs-business-sdk'));

const BATCH_ROWS = 1000;

// Takes the place of the SDK's sending: gives the body instead.
const service = {
  executeRequest: (url, method, headers, params) => Promise.resolve(JSON.stringify({ data: params.data })),
};

// Reads a row into the values that a database's driver would give.
function read(line) {
  const row = JSON.parse(line);
  for (const column of ['occurred_at', 'fbclid_occurred_at']) {
    if (row[column] !== null) row[column] = new Date(Math.floor(row[column] / 1000));
  }
  if (row.value !== null) row.value = Number.parseFloat(row.value);
  return row;
}

// Empties the cells for which the SDK would give up the whole request, and counts them.
function withoutRefused(rows) {
  const refused = { email: 0, phone: 0 };
  const attempts = {
    email: (text) => new sdk.UserData().setEmail(text).normalize(),
    phone: (text) => new sdk.UserData().setPhone(text).normalize(),
  };
  for (const row of rows) {
    for (const column of Object.keys(refused)) {
      if (row[column] === null) continue;
      try {
        attempts[column](row[column]);
      } catch {
        row[column] = null;
        refused[column] += 1;
      }
    }
  }
  return refused;
}

// Hashes an id of a person, which the SDK leaves to its caller.
function hashedId(text) {
  return crypto.createHash('sha256').update(text.toLowerCase().replace(/\s/g, '')).digest('hex');
}

// Makes the SDK's event of a row.
function event(row) {
  const user = new sdk.UserData();
  let [first, last] = [row.first_name, row.last_name];
  if (first === null && last === null && row.full_name !== null) {
    const words = row.full_name.trim().split(/\s+/);
    [first, last] = [words[0], words[words.length - 1]];
  }
  if (row.email !== null) user.setEmail(row.email);
  if (row.phone !== null) user.setPhone(row.phone);
  if (first !== null) user.setFirstName(first);
  if (last !== null) user.setLastName(last);
  if (row.date_of_birth !== null) user.setDateOfBirth(row.date_of_birth.replaceAll('-', ''));
  if (row.fbclid !== null) user.setFbc(`fb.1.${row.fbclid_occurred_at.getTime()}.${row.fbclid}`);
  const ids = [];
  if (row.external_id !== null) ids.push(hashedId(row.external_id));
  if (row.person_id !== null) ids.push(hashedId(row.person_id));
  user.setExternalIds(ids);
  const custom = new sdk.CustomData().setCurrency(row.currency);
  if (row.value !== null) custom.setValue(row.value);
  if (row.facebook_content_type !== null) custom.setContentType(row.facebook_content_type);
  return new sdk.ServerEvent()
    .setEventName(row.facebook_event_type)
    .setEventTime(Math.floor(row.occurred_at.getTime() / 1000))
    .setEventId(row.event_id)
    .setActionSource('system_generated')
    .setUserData(user)
    .setCustomData(custom);
}

// Makes the body of a request, as the SDK does.
function body(rows) {
  const request = new sdk.EventRequest('none', '1234567890', rows.map(event));
  return request.setHttpService(service).execute();
}

async function main() {
  const rows = fs.readFileSync(rowsFile, 'utf8').trimEnd().split('\n').map(read);
  const refused = withoutRefused(rows);
  const batches = [];
  for (let start = 0; start < rows.length; start += BATCH_ROWS) batches.push(rows.slice(start, start + BATCH_ROWS));
  console.log(JSON.stringify({ process: process.pid, refused }));
  for await (const command of readline.createInterface({ input: process.stdin })) {
    if (command === 'round') {
      let bytes = 0;
      for (const batch of batches) bytes += (await body(batch)).length;
      console.log(JSON.stringify({ events: rows.length, bytes }));
    } else {
      console.log(await body(batches[0]));
    }
  }
}

main();
