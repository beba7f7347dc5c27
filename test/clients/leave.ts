import type { Manager, Socket } from 'socket.io-client';

/** A transport that hangs never says that it is closed. */
const PATIENCE_MILLISECONDS = 5_000;

/**
 * Disconnects all of them, and returns once their transports are closed: one that still polls when
 * its broker ends would say its farewell behind the end of the test.
 */
export async function leaveAll(clients: Socket[]): Promise<void> {
  await Promise.all(
    clients.splice(0).map((client) => closed(client.io, () => void client.disconnect())),
  );
}

/** The same, of whole managers. */
export async function closeAll(managers: Manager[]): Promise<void> {
  await Promise.all(managers.splice(0).map((manager) => closed(manager, () => manager._close())));
}

function closed({ engine }: Manager, close: () => void): Promise<void> | undefined {
  close();
  if (engine === undefined || engine.readyState === 'closed') return undefined;
  return new Promise<void>((resolve) => {
    const timeout = setTimeout(resolve, PATIENCE_MILLISECONDS);
    engine.once('close', () => {
      clearTimeout(timeout);
      resolve();
    });
  });
}
