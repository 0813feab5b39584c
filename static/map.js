/* The map of a search, and the place of one offer. Asked for by portal.js only where a map is seen. */
(() => {
  "use strict";

  const FRANCE = [[42.3, -5.2], [51.1, 8.3]];
  const CLOSEST = 15; // of a first look: a street and its neighbours
  const LISTED = 40; // in one balloon
  const calm = window.matchMedia("(prefers-reduced-motion: reduce)").matches;
  const PIN =
    '<svg viewBox="0 0 28 36" width="28" height="36" aria-hidden="true" focusable="false">' +
    '<path class="map-pin" d="M14 1C6.8 1 1.5 6.3 1.5 13.2 1.5 21.4 14 35 14 35s12.5-13.6 12.5-21.8C26.5 6.3 21.2 1 14 1z"/>' +
    '<circle class="map-pin-eye" cx="14" cy="13" r="4.5"/></svg>';

  let living = [];

  // An icon that says its name to a screen reader.
  const Named = L.DivIcon.extend({
    createIcon(former) {
      const element = L.DivIcon.prototype.createIcon.call(this, former);
      if (this.options.name) element.setAttribute("aria-label", this.options.name);
      else element.setAttribute("aria-hidden", "true");
      return element;
    },
  });

  function pin(name, isVague) {
    const className = isVague ? "map-point map-point-vague" : "map-point";
    return new Named({ html: PIN, name, className, iconSize: [44, 44], iconAnchor: [22, 40], popupAnchor: [0, -34] });
  }

  function isOnePlace(cluster) {
    const [first, ...others] = cluster.getAllChildMarkers();
    return others.every((marker) => marker.getLatLng().equals(first.getLatLng()));
  }

  function clusterIcon(cluster) {
    const number = cluster.getChildCount();
    return new Named({
      html: `<span>${number}</span>`,
      name: isOnePlace(cluster)
        ? `${number} offres au même endroit : les lire`
        : `${number} offres proches les unes des autres : agrandir la carte`,
      className: number < 10 ? "map-cluster" : number < 100 ? "map-cluster map-cluster-large" : "map-cluster map-cluster-huge",
      iconSize: [44, 44],
    });
  }

  function townIcon(name) {
    const label = document.createElement("span");
    label.textContent = name;
    return new Named({ html: label, className: "map-town", iconSize: [0, 0] });
  }

  function makeMap(frame) {
    const map = L.map(frame, {
      zoomControl: false,
      scrollWheelZoom: false,
      fadeAnimation: !calm,
      zoomAnimation: !calm,
      markerZoomAnimation: !calm,
      maxZoom: 19,
    });
    map.attributionControl.setPrefix('<a href="https://leafletjs.com">Leaflet</a>');
    L.control.zoom({ zoomInTitle: "Agrandir", zoomOutTitle: "Réduire" }).addTo(map);
    L.control.scale({ imperial: false }).addTo(map);
    // The wheel turns the page until the map is chosen.
    map.on("focus click", () => map.scrollWheelZoom.enable());
    map.on("blur", () => map.scrollWheelZoom.disable());
    frame.addEventListener("mouseleave", () => map.scrollWheelZoom.disable());
    frame.querySelector(".leaflet-overlay-pane").setAttribute("aria-hidden", "true");
    return map;
  }

  // Resolves to false when there is no background: none is set, or none of it comes.
  function addBackground(map, frame) {
    const { mapTiles, mapCredit, mapCreditPage } = frame.dataset;
    if (!mapTiles) return Promise.resolve(false);
    const credit = document.createElement(mapCreditPage ? "a" : "span");
    credit.textContent = mapCredit || "";
    if (mapCreditPage) credit.href = mapCreditPage;
    return new Promise((answer) => {
      L.tileLayer(mapTiles, {
        attribution: credit.outerHTML,
        maxZoom: 19,
        // Where the page is, not which page: some servers refuse whoever does not say.
        referrerPolicy: "strict-origin-when-cross-origin",
      })
        .on("tileload", () => answer(true))
        .on("tileerror", () => answer(false))
        .addTo(map);
    });
  }

  function element(name, className, ...content) {
    const made = document.createElement(name);
    if (className) made.className = className;
    made.append(...content);
    return made;
  }

  function linkTo(point) {
    const link = element("a", "", point.nom);
    link.href = point.url;
    return link;
  }

  function vagueNote(points) {
    const said = "Le point montre la commune : l’adresse exacte n’est pas connue.";
    return points.every((point) => point.approx) ? [element("p", "soft", said)] : [];
  }

  function popupOfOne(point) {
    return element(
      "div",
      "",
      element("p", "map-popup-title", linkTo(point)),
      element("p", "", point.structure),
      ...vagueNote([point]),
    );
  }

  function popupOfMany(points) {
    const items = points.slice(0, LISTED).map((point) => element("li", "", linkTo(point), `, ${point.structure}`));
    const rest = points.length - items.length;
    return element(
      "div",
      "",
      element("p", "map-popup-title", `${points.length} offres ici`),
      ...vagueNote(points),
      element("ul", "", ...items),
      ...(rest > 0 ? [element("p", "", `Et ${rest} autres, à retrouver dans la liste.`)] : []),
    );
  }

  function nameOf(point) {
    return `${point.nom}, ${point.structure}${point.approx ? " (position approximative)" : ""}`;
  }

  // Markers are buttons: Enter and Space press them, Escape closes what they opened and comes back to them.
  function listenToKeys(map, frame) {
    let opened = null;
    let pressed = false;
    map.on("popupopen", (event) => {
      opened = event.popup;
      const element = opened.getElement();
      element.querySelector(".leaflet-popup-close-button").setAttribute("aria-label", "Fermer");
      if (pressed) element.querySelector("a[href]").focus();
    });
    map.on("popupclose", (event) => {
      const held = event.popup.getElement().contains(document.activeElement);
      const marker = event.popup.marker;
      opened = null;
      if (held && marker && marker.getElement()) marker.getElement().focus();
    });
    frame.addEventListener("keydown", (event) => {
      if (event.key === "Escape" && opened) {
        event.preventDefault();
        event.stopPropagation();
        map.closePopup();
        return;
      }
      const marker = event.target.closest(".leaflet-marker-icon");
      if (!marker || !["Enter", " "].includes(event.key)) return;
      event.preventDefault();
      pressed = true;
      marker.click();
      pressed = false;
      // A group that opened into its points is gone: the next Tab comes to the first of them.
      if (!opened && marker.matches(".map-cluster")) frame.focus();
    });
  }

  function balloon(marker, points) {
    const offset = points.length > 1 ? [0, -14] : [0, 7];
    const popup = L.popup({ minWidth: 200, maxWidth: 280, maxHeight: 240, offset }, marker);
    popup.marker = marker;
    return popup.setContent(() => (points.length > 1 ? popupOfMany(points) : popupOfOne(points[0])));
  }

  function showPoints(map, points) {
    const group = L.markerClusterGroup({
      iconCreateFunction: clusterIcon,
      showCoverageOnHover: false,
      animate: !calm,
      maxClusterRadius: 44,
      spiderfyOnMaxZoom: false,
      zoomToBoundsOnClick: false,
    });
    group.on("clusterclick", ({ layer }) => {
      if (isOnePlace(layer) || map.getZoom() >= map.getMaxZoom()) {
        const held = layer.getAllChildMarkers().map((marker) => marker.point);
        balloon(layer, held).setLatLng(layer.getLatLng()).openOn(map);
      } else {
        layer.zoomToBounds({ padding: [44, 44] });
      }
    });
    points.forEach((point) => {
      const marker = L.marker([point.lat, point.lon], { icon: pin(nameOf(point), point.approx), title: point.nom });
      marker.point = point;
      group.addLayer(marker.bindPopup(balloon(marker, [point])));
    });
    map.addLayer(group);
  }

  function showTowns(map, towns) {
    towns.forEach(([name, lat, lon]) => {
      L.marker([lat, lon], { icon: townIcon(name), interactive: false, keyboard: false, zIndexOffset: -1000 }).addTo(map);
    });
  }

  function look(map, frame, points) {
    const { mapLat, mapLon, mapKm } = frame.dataset;
    const bounds = L.latLngBounds(points.map((point) => [point.lat, point.lon]));
    if (mapLat) {
      const centre = [Number(mapLat), Number(mapLon)];
      bounds.extend(centre);
      if (mapKm) {
        L.circle(centre, { radius: Number(mapKm) * 1000, className: "map-radius", interactive: false }).addTo(map);
      }
    }
    const isOne = bounds.isValid() && bounds.getSouthWest().equals(bounds.getNorthEast());
    map.fitBounds(bounds.isValid() ? bounds : FRANCE, { padding: [44, 44], maxZoom: isOne ? 13 : CLOSEST });
  }

  async function showSearch(map, frame) {
    const note = frame.parentElement.querySelector(".map-note");
    let answer;
    try {
      const response = await fetch(frame.dataset.mapPoints, { headers: { Accept: "application/json" } });
      answer = await response.json();
      if (!response.ok) throw new Error(answer.message);
    } catch {
      note.textContent = frame.dataset.mapFailed;
      frame.hidden = true;
      return;
    }
    look(map, frame, answer.points);
    showPoints(map, answer.points);
    note.textContent = answer.message;
    frame.dataset.mapReady = "shown";
    if (!(await addBackground(map, frame))) showTowns(map, answer.reperes);
  }

  function showPlace(map, frame) {
    const { mapLat, mapLon, mapName, mapTown, mapVague } = frame.dataset;
    const place = { lat: Number(mapLat), lon: Number(mapLon) };
    map.setView([place.lat, place.lon], mapVague === undefined ? CLOSEST : 12);
    L.marker([place.lat, place.lon], {
      icon: pin(mapName, mapVague !== undefined),
      interactive: false,
      keyboard: false,
    })
      .addTo(map)
      .getElement()
      .setAttribute("role", "img");
    frame.dataset.mapReady = "shown";
    addBackground(map, frame).then((drawn) => {
      if (!drawn && mapTown) showTowns(map, [[mapTown, place.lat, place.lon]]);
    });
  }

  window.portalMap = (frame) => {
    // Those whose page is gone, replaced by another search.
    living = living.filter((map) => map.getContainer().isConnected || void map.remove());
    const map = makeMap(frame);
    living.push(map);
    if (frame.dataset.mapPoints) {
      listenToKeys(map, frame);
      showSearch(map, frame);
    } else {
      showPlace(map, frame);
    }
  };
})();
