import { type ComponentProps, useEffect, useRef } from 'react';
import { type PlayerEvents, WhepPlayer as Player } from 'roomcast';

interface Props extends Omit<ComponentProps<'video'>, 'src' | 'ref'> {
  /** A WHEP endpoint: `https://live.example/api/whep/play/demo`. */
  src: string;
  token?: string;
  onState?: (detail: PlayerEvents['state']) => void;
  onStats?: (detail: PlayerEvents['stats']) => void;
}

/** A video element that plays a WHEP endpoint while it is on the page, and reconnects by itself. */
export function WhepPlayer({ src, token, onState, onStats, ...rest }: Props) {
  const video = useRef<HTMLVideoElement>(null);
  const listeners = useRef({ onState, onStats });
  useEffect(() => {
    listeners.current = { onState, onStats }; // other functions are no reason to connect again
  });
  useEffect(() => {
    if (!video.current) return undefined;
    const player = new Player(video.current, src, { token });
    player.addEventListener('state', ({ detail }) => listeners.current.onState?.(detail));
    player.addEventListener('stats', ({ detail }) => listeners.current.onStats?.(detail));
    player.play();
    return () => player.stop();
  }, [src, token]);
  return <video ref={video} muted playsInline {...rest} />;
}
