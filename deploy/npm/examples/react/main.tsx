import { StrictMode, useState } from 'react';
import { createRoot } from 'react-dom/client';
import { WhepPlayer } from './WhepPlayer';

const address = new URLSearchParams(location.search);

function Show() {
  const [src, setSrc] = useState(address.get('src') ?? 'https://live.example/api/whep/play/demo');
  const [state, setState] = useState('stopped');
  const [height, setHeight] = useState(0);
  return (
    <main>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          setSrc(String(new FormData(event.currentTarget).get('src')));
        }}
      >
        <label>
          Address <input type="url" name="src" required size={60} defaultValue={src} />
        </label>
        <button>Play</button>
      </form>
      <WhepPlayer
        id="video"
        src={src}
        token={address.get('token') ?? undefined}
        controls
        width={640}
        onState={(detail) => setState(detail.state)}
        onStats={(stats) => setHeight(stats.height)}
      />
      <p>
        <output id="played">{state}</output> <output>{height}p</output>
      </p>
    </main>
  );
}

const root = document.getElementById('root');
if (root) createRoot(root).render(<StrictMode><Show /></StrictMode>);
