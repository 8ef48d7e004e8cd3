// A shop's front end, in short: it looks for an item, orders it, and follows the order to its end. Its
// types are generated from the API's document.

import createClient from "openapi-fetch";
import type { components, paths } from "./api.js";

declare const process: { argv: string[]; exit(code: number): never };

type Order = components["schemas"]["Order"];

const shop = createClient<paths, "application/json">({ baseUrl: process.argv[2] });

function given<T>(answer: { data?: T; error?: unknown; response: Response }): T {
  if (answer.data === undefined) {
    console.error(answer.response.status, answer.error);
    process.exit(1);
  }
  return answer.data;
}

const customer = { name: "Ana", email: "ana@example.com" };
given(await shop.PUT("/customers/{id}", { params: { path: { id: "ana" } }, body: customer }));

const { items } = given(await shop.GET("/items", { params: { query: { name: "ch" } } }));
const item = items.find(({ available }) => available > 0);
if (item === undefined) throw new Error("nothing whose name begins with ch is for sale");

const order: Order = given(
  await shop.POST("/orders", {
    params: { header: { "Idempotency-Key": crypto.randomUUID() } },
    body: {
      "customer-id": "ana",
      lines: [{ sku: item.sku, quantity: 2 }],
      "shipping-address": {
        name: "Ana", street: "Obere Str. 57", city: "Berlin", country: "DE",
      },
    },
  }),
);
if (order.total !== 2 * item.price) throw new Error(`the order costs ${order.total}`);

const id = order["order-id"];
let known = "0";
const told: string[] = [];
for (let asked = 0; told.at(-1) !== "OrderDelivered"; asked += 1) {
  if (asked > 20) throw new Error(`the order is not delivered: ${told}`);
  const params = { path: { id }, query: { wait: 20 }, header: { "Last-Event-ID": known } };
  const news = given(await shop.GET("/orders/{id}/events", { params }));
  told.push(...news.events.map(({ type }) => type));
  known = news["last-event-id"];
}

const seen: Order = given(await shop.GET("/orders/{id}", { params: { path: { id } } }));
if (seen.payment.status !== "paid" || seen.delivery.status !== "delivered") {
  throw new Error(`the order is over, and yet ${JSON.stringify(seen)}`);
}
