/** An application of the operator's own, and a hook on rooms: a Lambda (`handler`) or a module. */
export const handler = async ({ event, destination, body, connection }) => {
  if (event === 'subscribe') return { refuse: 'The attic is closed.' };
  const order = JSON.parse(body);
  if (order.item === undefined) return { refuse: 'An order names an item.' };
  return {
    reply: { body: { ordered: order.item, by: connection.user } },
    publish: [{ destination: `/room/${order.room}`, body: `${destination}: ${order.item}` }],
  };
};
export default handler;
