"""The page of `bimodal view --browser`: what is shown, a slider over its control steps, and play.

viser serves the page to this machine alone and has no password. The page can choose among the films that were
given and nothing else.
"""

import time
from collections.abc import Callable

import viser  # pyright: ignore[reportMissingImports]

from ...envs.errors import BimodalError
from ...envs.rendering.cameras import views
from ...envs.specs import CONTROL_HZ
from .films import Film, Films
from .scene import BrowserScene

HOST = "127.0.0.1"
PORT = 8080
"""The page is at http://127.0.0.1:8080, or at the next port that is free."""
HOLD_S = 1.5
"""For how long the end of a film stays before it begins again [s]."""


class BrowserView:
    """A page that shows films; a context manager, served inside."""

    def __init__(self, films: Films, port: int = PORT) -> None:
        """Serve the page.

        Args:
            films: what there is to choose from, at least one.
            port: where it is served; the next free one if it is taken.
        """
        self._films = films
        self.server = viser.ViserServer(host=HOST, port=port, label="Bimodal", verbose=False)
        gui = self.server.gui
        first = next(iter(films))
        self.group = gui.add_dropdown("What", tuple(films), initial_value=first)
        names = tuple(films[first])
        self.film = gui.add_dropdown("Which", names, initial_value=names[0])
        self.playing = gui.add_checkbox("Play", initial_value=True)
        self.step = gui.add_slider("Control step", min=0, max=1, step=1, initial_value=0)
        self.caption = gui.add_markdown("")
        self.server.scene.set_up_direction("+z")
        self._chosen = ("", "")
        self._shown = -1
        self._held = 0.0
        self._scene: BrowserScene | None = None
        self._open: Film | None = None

    def __enter__(self) -> "BrowserView":
        """Return this."""
        return self

    def __exit__(self, *error: object) -> None:
        """End the page."""
        self.server.stop()

    @property
    def address(self) -> str:
        """Where the page is."""
        return f"http://{HOST}:{self.server.get_port()}"

    def play(self, tell: Callable[[str], None]) -> None:
        """Show what the page asks for until Ctrl-C; `tell` is called with what cannot be shown."""
        while True:
            due = time.monotonic() + 1 / CONTROL_HZ
            try:
                self.tick()
            except BimodalError as error:
                self.caption.content = str(error)
                self._open = None
                tell(str(error))
            time.sleep(max(0.0, due - time.monotonic()))

    def tick(self) -> None:
        """Do what the page asks for: open another film, go on by one control step, follow the slider.

        Raises:
            BimodalError: an episode cannot be simulated again.
        """
        if self.group.value != self._chosen[0] and self._chosen[0]:
            self.film.options = tuple(self._films[self.group.value])
        if (chosen := (self.group.value, self.film.value)) != self._chosen:
            self._chosen = chosen
            self._show(self._films[chosen[0]][chosen[1]]())
        elif self._open is not None and self.playing.value:
            self._go_on()
        if self._open is not None and self._scene is not None and self.step.value != self._shown:
            self._shown = min(int(self.step.value), len(self._open.states) - 1)
            self._scene.pose(self._open.states[self._shown])

    def _show(self, film: Film) -> None:
        """Put another film in the place of the one that is open."""
        if self._scene is not None:
            self._scene.remove()
        first = self._open is None
        self._scene = BrowserScene(self.server, film)
        self._open = film
        self._shown = -1
        self.step.value = 0
        self.step.max = len(film.states) - 1
        self.caption.content = film.caption
        if first:
            view = views(film.arms)["closeup"]
            self.server.initial_camera.position = view.frame()[0]
            self.server.initial_camera.look_at = view.lookat

    def _go_on(self) -> None:
        """Go to the next control step; from the last one, after a while, to the first."""
        if self.step.value < self.step.max:
            self.step.value += 1
            self._held = time.monotonic()
        elif time.monotonic() - self._held > HOLD_S:
            self.step.value = 0
